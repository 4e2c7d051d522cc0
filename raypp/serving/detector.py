"""Detecting on veiled frames: the same result for a frame in whatever company it comes."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from raypp.detect.bundle import read_bundle_header
from raypp.detect.checkpoint import load_bundle
from raypp.detect.engines.load import load_network
from raypp.detect.engines.network import EngineNetwork
from raypp.detect.inputs.batch import NO_CELL
from raypp.detect.ultralytics import non_max_suppression
from raypp.errors import ModelError
from raypp.geometry.letterbox import Letterbox
from raypp.serving.model import FrameBlock, ServedModel
from raypp.serving.settings import DetectionSettings
from raypp.usage.observation import Detection
from raypp.veil.packing import Codes
from raypp.veil.spec import spec_of
from raypp.wire.grid import CellGrid

STEPS = 1 << 16
"""Coordinates and confidences are multiples of 1/65536: exact in float32, so on the wire and in the ledger too."""
_MOST_CANDIDATES = 2000
"""Boxes of a frame that compete, the most confident first: of thousands, all would take a second."""


class BundleDetector:
    """A detector of a bundle, which an engine runs.

    Args:
        network: the detector, in its engine.
        about: what it is.
        settings: how detections are made.
    """

    def __init__(self, network: EngineNetwork, about: ServedModel, settings: DetectionSettings) -> None:
        self.about = about
        self._network, self._settings = network, settings
        self._found(self._empty(1))  # the first call is slow: not a site's

    @classmethod
    def load(cls, path: Path, settings: DetectionSettings | None = None, instead_of: ServedModel | None = None) -> Self:
        """Load a bundle.

        Args:
            path: the file that `raypp export` wrote.
            settings: how detections are made.
            instead_of: the running model that this one is to replace.

        Raises:
            ModelError: if it cannot be read, does not hold its veil's spec, or may not replace the running one.
        """
        model_id = _digest(path)
        model, info = load_bundle(path)
        reliabilities = read_bundle_header(path).reliabilities
        if _digest(path) != model_id:
            raise ModelError(f"bundle {path} was replaced while it was read; have it read again")
        if not info.spec:
            raise ModelError(f"bundle {path} does not hold the spec of its veil; export it again with `archive`")
        served = ServedModel(
            model_id=model_id,
            veil_id=info.veil_id,
            spec=spec_of(info.spec),
            size=info.size,
            classes=info.classes,
            reliabilities=reliabilities,
        )
        unfit = served.may_replace(instead_of) if instead_of else None
        if unfit:
            raise ModelError(
                f"bundle {path} cannot take the running model's place: {unfit}; serve it beside, as its own"
            )
        settings = settings or DetectionSettings()
        network = load_network(model, info, settings.of_engine)
        return cls(network, replace(served, engine=network.engine), settings)

    def detect(self, blocks: Sequence[FrameBlock]) -> list[tuple[tuple[Detection, ...], ...]]:
        """Detect on blocks of frames, of one source each.

        Returns:
            For each block, for each of its frames, its detections, the most confident first.

        Raises:
            ModelError: if a block's codes do not fit its frame size.
        """
        frames = [frame for block in blocks for frame in self._frames(block)]
        if not frames:
            return [() for _ in blocks]
        inputs = self._empty(len(frames))
        for square, (grid, codes, sub_key) in zip(inputs, frames, strict=True):
            grid.place(codes, square[:-1])
            square[-1] = sub_key
        rest = iter(self._found(inputs))
        return [self._placed(list(islice(rest, len(block))), block) for block in blocks]

    def _empty(self, count: int) -> npt.NDArray[np.uint8]:
        return np.full((count, *self._network.shape.sizes[1:]), NO_CELL, dtype=np.uint8)

    def _frames(self, block: FrameBlock) -> list[tuple[CellGrid, Codes, int]]:
        """Return each frame of a block with its place in the square and its sub-key; raises ModelError."""
        grid = self.about.grid(block.width, block.height)
        shape = (len(block), *grid.shape)
        if block.codes.shape != shape:
            raise ModelError(
                f"codes of shape {block.codes.shape}, but a {block.width}x{block.height} frame has {shape}"
            )
        return [(grid, codes, block.sub_key) for codes in block.codes]

    def _found(self, inputs_NCGG: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float64]]:
        """Return float64[P, 6] for each input: corners in pixels of the square, confidence, class."""
        with torch.inference_mode():
            kept = non_max_suppression(
                self._network(torch.from_numpy(inputs_NCGG)),
                self._settings.confidence,
                self._settings.iou,
                max_det=self._settings.most,
                max_nms=_MOST_CANDIDATES,
                max_time_img=math.inf,  # its time limit would drop detections on a busy machine
                end2end=self._network.end2end,
            )
        return [rows_P6.cpu().numpy().astype(np.float64) for rows_P6 in kept]

    def _placed(
        self, detections: Sequence[npt.NDArray[np.float64]], block: FrameBlock
    ) -> tuple[tuple[Detection, ...], ...]:
        """Return what was found on each frame of a block at its place in the source's frame."""
        window = Letterbox(self.about.size, self.about.spec.patch, block.width, block.height)
        sides = np.array([block.width, block.height] * 2)
        return tuple(_detections(found_P6, window.to_source(found_P6[:, :4]) / sides) for found_P6 in detections)


def _digest(path: Path) -> str:
    """SHA-256 of a bundle's file, hex; raises ModelError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"bundle {path}: {error.strerror}; give the path of a file that `raypp export` wrote"
        ) from None


def _detections(found_P6: npt.NDArray[np.float64], corners_P4: npt.NDArray[np.float64]) -> tuple[Detection, ...]:
    steps_P5 = np.rint(np.concatenate([np.clip(corners_P4, 0, 1), found_P6[:, 4:5]], axis=1) * STEPS) / STEPS
    detections = [
        Detection(int(number), min(confidence, 1.0), x1, y1, x2, y2)
        for (x1, y1, x2, y2, confidence), number in zip(steps_P5.tolist(), found_P6[:, 5], strict=True)
        if x1 < x2 and y1 < y2 and confidence > 0
    ]
    return tuple(sorted(detections, key=_order))


def _order(detection: Detection) -> tuple[float, ...]:
    return -detection.confidence, detection.class_id, detection.x1, detection.y1, detection.x2, detection.y2
