"""Detecting on images that are veiled in memory: by a bundle in this process, or by the service of an ML team."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc.aio
import numpy as np
import numpy.typing as npt

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.counting.counted_object import DetectedBox
from raypp.counting.plain_image import PlainImage
from raypp.counting.tiles import SLACK, ImageTile, join_tiles
from raypp.detect.bundle_header import BundleHeader
from raypp.edge.uplink.connection import ServiceConnection, what_failed
from raypp.errors import ConflictError, ModelError, SiteError
from raypp.geometry.letterbox import Letterbox
from raypp.ingest.archive_id import EDGE_BYTES
from raypp.media.image import window_pixels
from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from raypp.usage.observation import Detection
from raypp.veil.derivation import keyed_hash
from raypp.veil.key import Keyring
from raypp.veil.packing import pack
from raypp.veil.preparation import Preparation
from raypp.veil.spec import LearnedSpec, spec_of
from raypp.veil.veil import Veil, open_veil
from raypp.wire.frames import whole_frame

COUNT_SETTINGS = DetectionSettings(most=300)
"""Those of a service but for the number: a field may hold hundreds."""
_SITE = "site"
_TIMEOUT_S = 120.0


class CodeDetector(Protocol):
    """Detects on codes, in whatever place."""

    def detect(self, block: FrameBlock) -> tuple[Detection, ...]:
        """Return what is on a block of one frame."""
        ...


class LocalDetector:
    """A bundle in this process.

    Args:
        path: the bundle.
        settings: how detections are made.

    Raises:
        ModelError: if it cannot be used.
    """

    def __init__(self, path: Path, settings: DetectionSettings = COUNT_SETTINGS) -> None:
        self._detector = BundleDetector.load(path, settings)

    def detect(self, block: FrameBlock) -> tuple[Detection, ...]:
        """Return what is on a block of one frame."""
        return self._detector.detect([block])[0][0]


class RemoteDetector:
    """The service that serves the same bundle: it gets codes, keeps nothing of them, and gives boxes.

    Args:
        connection: the way to it.
        veil_id: the veil of the codes.
        bits: bits of a code value.
        classes: names of the bundle's classes.
    """

    def __init__(self, connection: ServiceConnection, veil_id: str, bits: int, classes: Sequence[str]) -> None:
        connection.check()
        self._connection, self._veil_id, self._bits, self._classes = connection, veil_id, bits, tuple(classes)
        self._described = False

    def detect(self, block: FrameBlock) -> tuple[Detection, ...]:
        """Return what is on a block of one frame.

        Raises:
            SiteError: if the service cannot be reached, or refuses.
            ConflictError: if its model of the veil has other classes.
        """
        return asyncio.run(self._detect(block))

    async def _detect(self, block: FrameBlock) -> tuple[Detection, ...]:
        packed = pack(block.codes[0], self._bits)
        request = pb.DetectFramesRequest(
            veil_id=self._veil_id,
            width=block.width,
            height=block.height,
            sub_key=block.sub_key,
            frames=[whole_frame(packed, 0, 1)],
        )
        try:
            async with self._connection.channel() as channel:
                stub, metadata = SitesStub(channel), self._connection.metadata()  # type: ignore[no-untyped-call]
                if not self._described:
                    described = await stub.DescribeModel(
                        pb.DescribeModelRequest(veil_id=self._veil_id), metadata=metadata, timeout=_TIMEOUT_S
                    )
                    self._check(tuple(described.model.classes))
                answer = await stub.DetectFrames(request, metadata=metadata, timeout=_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            words = what_failed(error.code(), error.details())
            raise SiteError(f"service {self._connection.server} does not detect: {words}") from None
        return tuple(
            Detection(box.class_id, box.confidence, box.x1, box.y1, box.x2, box.y2)
            for box in answer.frames[0].detections
        )

    def _check(self, classes: tuple[str, ...]) -> None:
        if classes != self._classes:
            raise ConflictError(
                f"service {self._connection.server} has classes {', '.join(classes)}, the model "
                f"{', '.join(self._classes)}; serve the model that counts"
            )
        self._described = True


@dataclass(frozen=True)
class TileDetector:
    """Veils images tile by tile, in memory, and has their codes detected on.

    Attributes:
        veil: veil and key of the owner.
        key: the owner's key.
        size: side of the square, in pixels.
        preparation: of each tile before it is veiled, as the detector's archive was prepared.
        detector: detects on codes.
    """

    veil: Veil
    key: Keyring
    size: int
    preparation: Preparation
    detector: CodeDetector

    @classmethod
    def open(
        cls, header: BundleHeader, path: Path, key: Keyring, encoder: Path | None, connection: ServiceConnection | None
    ) -> "TileDetector":
        """Open the veil that a bundle reads, and the bundle, or the way to the service that serves it.

        Args:
            header: of the bundle.
            path: the bundle.
            key: the owner's key.
            encoder: encoder file of a learned veil.
            connection: the way to a service; None to detect in this process.

        Raises:
            ConflictError: if the bundle reads the veil of another key.
            SpecError: if a learned veil's encoder is missing, or of another veil.
            ModelError: if the bundle does not hold its veil's spec.
        """
        info = header.info
        if not info.spec:
            raise ModelError(f"bundle {path} does not hold the spec of its veil; export it again with `archive`")
        spec = spec_of(info.spec)
        if key.veil_id(spec) != info.veil_id:
            raise ConflictError(
                f"bundle {path} reads veil {info.veil_id}, the key makes {key.veil_id(spec)}; give the key that its "
                "archive was veiled with"
            )
        veil = open_veil(spec, key, encoder if isinstance(spec, LearnedSpec) else None)
        detector: CodeDetector = (
            LocalDetector(path)
            if connection is None
            else RemoteDetector(connection, info.veil_id, spec.bits, info.classes)
        )
        preparation = Preparation.model_validate((info.model_extra or {}).get("preparation") or {})
        preparation.check()
        return cls(veil, key, info.size, preparation, detector)

    def detect(self, image: PlainImage, tiles: Sequence[ImageTile], least_px: int = 0) -> list[DetectedBox]:
        """Detect on an image.

        Args:
            image: what is counted.
            tiles: its parts.
            least_px: longer side that a tile is padded to, so that a small image's objects are not enlarged.

        Returns:
            Boxes in pixels of the image, the most confident first.
        """
        return join_tiles((tile, self._tile_boxes(image, tile, least_px)) for tile in tiles)

    def _tile_boxes(self, image: PlainImage, tile: ImageTile, least_px: int) -> list[DetectedBox]:
        pixels = padded(image.pixels_HW3[tile.top : tile.bottom, tile.left : tile.right], least_px)
        box = Letterbox(self.size, self.veil.spec.patch, pixels.shape[1], pixels.shape[0])
        window = window_pixels(np.ascontiguousarray(pixels), box)
        if self.preparation:
            window = self.preparation.apply(window, box.content_width, box.content_height)
        encoder = self.veil.stream(_SITE, _SITE, self._identity(image, tile))
        block = FrameBlock(encoder.encode(window[None]), encoder.sub_key, box.source_width, box.source_height)
        sides = np.array([box.source_width, box.source_height] * 2)
        corner = np.array([tile.left, tile.top] * 2)
        return [_placed(detection, sides, corner) for detection in self.detector.detect(block)]

    def _identity(self, image: PlainImage, tile: ImageTile) -> bytes:
        """Name a tile by a keyed hash of its image, so that its codes are the same whenever it is counted."""
        content = image.content
        ends = b"%d" % len(content), content[:EDGE_BYTES], content[-EDGE_BYTES:]
        place = b"%d %d %d %d" % (tile.left, tile.top, tile.right, tile.bottom)
        return keyed_hash(self.key.hash_secret(_SITE, "identity"), b"count", *ends, place)


def padded(pixels_HW3: npt.NDArray[np.uint8], least_px: int) -> npt.NDArray[np.uint8]:
    """Lengthen an image's longer side to so many pixels, in the colour that is in the middle of the image's."""
    height, width = pixels_HW3.shape[:2]
    if max(height, width) * SLACK >= least_px:
        return pixels_HW3
    shape = (height, least_px, 3) if width >= height else (least_px, width, 3)
    padded = np.empty(shape, dtype=np.uint8)
    padded[:] = np.median(pixels_HW3, axis=(0, 1)).astype(np.uint8)
    padded[:height, :width] = pixels_HW3
    return padded


def _placed(detection: Detection, sides: npt.NDArray[np.int64], corner: npt.NDArray[np.int64]) -> DetectedBox:
    shares = np.array([detection.x1, detection.y1, detection.x2, detection.y2])
    left, top, right, bottom = (shares * sides + corner).tolist()
    return DetectedBox(detection.class_id, detection.confidence, (left, top, right, bottom))
