"""Engines by name: which there are, and which are installed here; nothing of them is loaded."""

from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import NamedTuple

from raypp.errors import ModelError


class Engine(StrEnum):
    """Names of what may compute a detector."""

    AUTO = "auto"
    TORCH = "torch"
    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"
    TENSORRT = "tensorrt"


class Precision(StrEnum):
    """Types of the numbers that an engine multiplies."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class EngineSettings(NamedTuple):
    """A choice of what computes a detector, and how.

    Attributes:
        engine: by name.
        precision: what it multiplies in.
        threads: on a CPU.
        batch: frames computed at a time; None for what suits the device.
    """

    engine: Engine = Engine.AUTO
    precision: Precision = Precision.AUTO
    threads: int = 1
    batch: int | None = None


class _Package(NamedTuple):
    """The package that an engine comes in, and how to have it."""

    module: str
    remedy: str


_PACKAGES = {
    Engine.TORCH: _Package("torch", "install raypp[cluster]"),
    Engine.ONNXRUNTIME: _Package("onnxruntime", "install raypp[cluster]"),
    Engine.OPENVINO: _Package("openvino", "install raypp[cluster,openvino]"),
    Engine.TENSORRT: _Package("tensorrt", "install NVIDIA's tensorrt beside a torch that finds a GPU"),
}


def engine_named(name: str) -> Engine:
    """Return an engine by its name; raises ModelError if there is none of it."""
    if name not in set(Engine):
        raise ModelError(f"`engine` {name!r} is none; give {', '.join(Engine)}")
    return Engine(name)


def choose_engine(engine: Engine, *, gpu: bool) -> Engine:
    """Return the engine that is meant: for `auto`, torch on a GPU and ONNX Runtime on a CPU.

    Args:
        engine: what was asked for.
        gpu: whether torch finds a GPU.

    Raises:
        ModelError: if it is not installed.
    """
    chosen = engine if engine is not Engine.AUTO else Engine.TORCH if gpu else Engine.ONNXRUNTIME
    require_engine(chosen)
    return chosen


def require_engine(engine: Engine) -> None:
    """Raise ModelError if an engine is not installed; `auto` may be any."""
    package = _PACKAGES.get(engine)
    if package and find_spec(package.module) is None:
        raise ModelError(f"`engine` {engine} is not installed here; {package.remedy}, or choose `engine` auto")


def engine_version(engine: Engine) -> str | None:
    """Return the installed version of an engine; None if it is not installed."""
    module = _PACKAGES[engine].module
    try:
        return version(module) if find_spec(module) else None
    except PackageNotFoundError:
        return None


def describe_engines() -> str:
    """Say which engines are installed here, and how to have the others."""
    versions = {engine: engine_version(engine) for engine in _PACKAGES}
    here = ", ".join(f"{engine} {number}" for engine, number in versions.items() if number)
    missing = [f"{engine} ({_PACKAGES[engine].remedy})" for engine, number in versions.items() if not number]
    return "; not here: ".join(filter(None, (here, ", ".join(missing))))
