"""Request of an evaluation, and its result on each labelled frame."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from raypp.detect.engines.name import Engine, engine_named
from raypp.evaluate.detections import SampleDetections
from raypp.evaluate.matching import SampleMatches
from raypp.key_sources.field import AbsoluteKeyPlace


@dataclass(frozen=True)
class FrameOrigin:
    """Where and when a frame was taken; `captured_at_us` is UTC microseconds since 1970, None where unknown."""

    site: str
    camera: str
    captured_at_us: int | None


@dataclass(frozen=True)
class PredictedSample:
    """One labelled frame with its detections.

    Attributes:
        matches: what it counts for the scores.
        detections: what was found, and what is labelled.
        origin: where it comes from.
        codes_CGG: uint8[C + 1, G, G] as a detector is fed, of the few frames that will be drawn; else None.
    """

    matches: SampleMatches
    detections: SampleDetections
    origin: FrameOrigin
    codes_CGG: npt.NDArray[np.uint8] | None = None


class ChosenDetector(NamedTuple):
    """A detector that is to be evaluated.

    Attributes:
        path: a run of training, its detector folder, or an exported file.
        engine: what computes it, as a service has it: auto, torch, onnxruntime, openvino or tensorrt; None for torch,
            as it was trained.
    """

    path: str | Path
    engine: str | None = None

    @classmethod
    def of(cls, model: "str | Path | ChosenDetector") -> tuple[Path, Engine | None]:
        """Return path and engine of a detector, or of a path alone; ModelError for an unknown engine."""
        path, engine = model if isinstance(model, ChosenDetector) else (model, None)
        return Path(path), None if engine is None else engine_named(engine)


class PredictSettings(BaseModel):
    """Frames and detector of an evaluation: everything but secrets, so that it may travel to workers.

    Attributes:
        archive: the veiled archive.
        labels_version: the label version.
        split: the split.
        detector: folder of the detector's checkpoint, or its exported file.
        data_key_path: data key of encrypted shards, or None.
        shown: samples whose codes are kept, to be drawn.
        engine: what computes the detector, as a service has it; None for torch, as it was trained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    archive: str
    labels_version: str
    split: str
    detector: Path
    data_key_path: AbsoluteKeyPlace | None = None
    shown: frozenset[str] = frozenset()
    engine: Engine | None = None
