"""Finds faces, and describes them so that one person's are alike."""

from functools import cache
from typing import Any, TypeAlias

import dlib
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from raypp.audit.recognition import packages
from raypp.audit.recognition.enlarging import Frame
from raypp.geometry.boxes import Corners, box_iou

Descriptions: TypeAlias = npt.NDArray[np.float64]
"""float64[F, 128]: of one person's faces mostly nearer than 0.6 to each other."""

_SURE = 0.5
"""Least confidence of a face."""
_STRIDE = 4
_ONE_FACE = 0.3
"""Overlap from which two boxes are of one face."""
_GROUPED = 0.5
_AXES = ("images", "channels", "rows", "columns")


def find(frame: Frame) -> Corners:
    """Return the faces of an enlarged frame, the surest first, in pixels of that frame.

    By CenterFace (Xu et al., CenterFace: Joint Face Detection and Alignment Using Face as Point, 2019): a map of how
    likely a face's middle is in each place of a grid, its extent and its offset there.
    """
    pixels = frame.astype(np.float32).transpose(2, 0, 1)[None]
    likely, extent, offset = (
        outputs[0] for outputs in _finder().run(None, {_finder().get_inputs()[0].name: pixels})[:3]
    )
    rows, columns = np.nonzero(likely[0] > _SURE)
    height, width = np.exp(extent[:, rows, columns].astype(np.float64)) * _STRIDE
    y = (rows + offset[0, rows, columns] + 0.5) * _STRIDE
    x = (columns + offset[1, rows, columns] + 0.5) * _STRIDE
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    boxes = boxes[np.argsort(-likely[0, rows, columns])]
    kept: list[int] = []
    for place in range(len(boxes)):
        if not kept or box_iou(boxes[place : place + 1], boxes[kept]).max() < _ONE_FACE:
            kept.append(place)
    return np.asarray(boxes[kept])


def landmarks(frame: Frame, boxes: Corners) -> list[Any]:
    """Return where eyes and nose are in each box, as dlib has it."""
    return [_landmarks()(frame, _square(box)) for box in boxes]


def describe_faces(frame: Frame, rectangles: list[Any]) -> Descriptions:
    """Describe the faces that have their eyes and noses in these places, whatever is seen there now.

    By a residual network (King, dlib 19.3, 2017; He et al., CVPR 2016).
    """
    rows = [np.asarray(_describer().compute_face_descriptor(frame, rectangle)) for rectangle in rectangles]
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), 128)


def people(descriptions: Descriptions) -> npt.NDArray[np.int64]:
    """Return a number of each face, the same for faces that are one person's, int64[F].

    By Chinese whispers (Biemann, TextGraphs 2006) over faces that are near each other.
    """
    groups = dlib.chinese_whispers_clustering([dlib.vector(description) for description in descriptions], _GROUPED)
    return np.asarray(groups, dtype=np.int64)


def _square(box: npt.NDArray[np.float64]) -> Any:
    """The box that dlib would look into: square, as wide as the face, somewhat lower than the middle."""
    half = (box[2] - box[0] + box[3] - box[1]) / 4
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return dlib.rectangle(*(round(float(side)) for side in (x - half, y - half, x + half, y + half)))


@cache
def _finder() -> Any:
    """CenterFace for frames of any size: its file names one size, which its layers do not need."""
    network = onnx.load(str(packages.face_finder()))
    weights = {tensor.name for tensor in network.graph.initializer}
    for value in (tensor for tensor in (*network.graph.input, *network.graph.output) if tensor.name not in weights):
        for size, axis in zip(value.type.tensor_type.shape.dim, _AXES, strict=True):
            if axis != "channels":
                size.dim_param = f"{axis} of {value.name}"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(network.SerializeToString(), options, providers=["CPUExecutionProvider"])


@cache
def _landmarks() -> Any:
    return dlib.shape_predictor(str(packages.landmark_finder()))


@cache
def _describer() -> Any:
    return dlib.face_recognition_model_v1(str(packages.face_describer()))
