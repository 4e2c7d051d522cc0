"""A trained detector on veiled frames."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from raypp.detect.checkpoint import load_detector
from raypp.detect.engines.name import Engine
from raypp.detect.inputs.batch import NO_CELL, labelled_batch
from raypp.detect.model_info import ModelInfo, detector_folder
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError
from raypp.evaluate.frame_detections import FrameDetections
from raypp.evaluate.metrics import LEAST_CONFIDENCE, DetectionMatcher
from raypp.evaluate.network import evaluated_network
from raypp.geometry.window import Window
from raypp.shards.archive import VeiledFrame


class Detector:
    """A detector that was trained on one veil; it runs on a GPU where there is one.

    Args:
        network: the detector, in evaluation mode.
        info: veil, classes and size that it belongs to.
        engine: what computes it; None for torch, as it was trained.
    """

    def __init__(self, network: DetectionModel, info: ModelInfo, engine: Engine | None = None) -> None:
        self.info = info
        self.network, device = evaluated_network(network, info, engine)
        self._matcher = DetectionMatcher(self.network, info.size, device)

    def __repr__(self) -> str:
        return f"<Detector {self.info.architecture} of {', '.join(self.classes)}; veil {self.info.veil_id}>"

    @classmethod
    def load(cls, model: str | Path, engine: Engine | None = None) -> Self:
        """Load a run of training, its detector folder, or an exported file.

        Raises:
            ModelError: if it cannot be read, or the engine is not installed here.
        """
        return cls(*load_detector(detector_folder(Path(model))), engine)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by index."""
        return self.info.classes

    def detect(self, frames: Iterable[VeiledFrame], confidence: float = 0.25) -> Iterator[FrameDetections]:
        """Detect on frames, one by one, so that a frame's result does not depend on the others.

        Args:
            frames: of an archive of the detector's veil.
            confidence: least confidence of a detection, in [0.01, 1].

        Raises:
            ModelError: if the confidence is out of range, or the codes are not those of the detector's veil.
        """
        if not LEAST_CONFIDENCE <= confidence <= 1:
            raise ModelError(f"`confidence` {confidence} must lie between {LEAST_CONFIDENCE} and 1")
        for frame in frames:
            inputs = self._square(frame)[None]
            ((_, detections),) = self._matcher.predict(labelled_batch(inputs, (), (frame.sample_id,)))
            kept = detections.above(confidence)
            yield FrameDetections(frame.sample_id, kept.boxes_P4, kept.confidence_P, kept.predicted_P, self.classes)

    def _square(self, frame: VeiledFrame) -> npt.NDArray[np.uint8]:
        """Place a frame's cells in the square, uint8[C + 1, G, G], its sub-key in the last plane."""
        info = self.info
        window = Window(info.size, info.patch, frame.width, frame.height)
        shape = (info.channels, window.rows, window.columns)
        if frame.codes_CRW.shape != shape:
            raise ModelError(
                f"sample {frame.sample_id} has codes of shape {frame.codes_CRW.shape}, the detector reads {shape}; "
                f"give frames of veil {info.veil_id}"
            )
        side = info.size // info.patch
        square = np.full((info.channels + 1, side, side), NO_CELL, dtype=np.uint8)
        top, left = window.row_offset, window.column_offset
        square[:-1, top : top + window.rows, left : left + window.columns] = frame.codes_CRW
        square[-1] = frame.sub_key
        return square
