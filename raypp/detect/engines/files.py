"""A detector's program as files that other software runs, with the bundle's header inside."""

import tempfile
from enum import StrEnum
from pathlib import Path

import onnx

from raypp.detect.bundle_header import HEADER_KEY, BundleHeader
from raypp.detect.engines.name import Engine, require_engine
from raypp.detect.engines.network import BatchShape
from raypp.detect.engines.program import to_program
from raypp.detect.model_info import ModelInfo
from raypp.detect.ultralytics import DetectionModel


class ProgramFormat(StrEnum):
    """Formats of a detector's program."""

    ONNX = "onnx"
    OPENVINO = "openvino"


def program_files(
    model: DetectionModel, info: ModelInfo, header: BundleHeader, program_format: ProgramFormat
) -> dict[str, bytes]:
    """Return a detector as files of a format, for one frame at a time: contents by the suffix of their names.

    Args:
        model: the detector, in evaluation mode.
        info: what it is.
        header: is written into the program, as JSON under `raypp`.
        program_format: the format.

    Raises:
        ModelError: if OpenVINO is asked for, and not installed.
    """
    program = to_program(model, BatchShape(1, info.channels + 1, info.size // info.patch))
    if program_format is ProgramFormat.OPENVINO:
        return _openvino_files(program, header.model_dump_json())
    document = onnx.load_from_string(program)
    document.metadata_props.add(key=HEADER_KEY, value=header.model_dump_json())
    return {".onnx": document.SerializeToString(deterministic=True)}


def _openvino_files(program: bytes, header: str) -> dict[str, bytes]:
    require_engine(Engine.OPENVINO)
    import openvino  # noqa: PLC0415 - an engine is loaded where it is chosen

    network = openvino.Core().read_model(program)
    network.set_rt_info(header, HEADER_KEY)
    with tempfile.TemporaryDirectory() as folder:
        openvino.save_model(network, Path(folder, "detector.xml"), compress_to_fp16=False)
        return {suffix: Path(folder, f"detector{suffix}").read_bytes() for suffix in (".bin", ".xml")}
