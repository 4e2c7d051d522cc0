"""Opening what counts: a bundle, the owner's key, the encoder, and where codes are detected on."""

from dataclasses import dataclass
from pathlib import Path

from raypp.counting.corrections import Corrections
from raypp.counting.counter import CountRules, ImageCounter
from raypp.counting.pixel_scale import PixelScale
from raypp.counting.region import RegionSet
from raypp.counting.tile_detector import TileDetector
from raypp.detect.bundle import read_bundle_header
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import ConflictError, OptionError
from raypp.ingest.settings import owner_side
from raypp.key_sources.place import KeyPlace
from raypp.shards.manifest import read_archive_header
from raypp.shards.place import refuse_within_archive
from raypp.shards.store import Store
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.keyfile import load_owner_key

_LEAST_TILE, _MOST_TILE = 64, 16_384


@dataclass(frozen=True)
class CountSettings:
    """Settings of a count.

    Attributes:
        model: the bundle.
        key_path: the owner's key.
        encoder: encoder file of a learned veil, or None.
        scale: of the images, such as 0.8um/px; None for unknown.
        threshold: one threshold for all classes, instead of the bundle's calibration.
        tile_px: longest side of a tile; None for that of the calibration's images.
        roi: file of regions of interest.
        connection: the way to the service that serves the bundle; None to detect in this process.
    """

    model: Path
    key_path: KeyPlace
    encoder: Path | None = None
    scale: str | None = None
    threshold: float | None = None
    tile_px: int | None = None
    roi: Path | None = None
    connection: ServiceConnection | None = None


def open_counter(settings: CountSettings, *, calibrates: bool = False) -> ImageCounter:
    """Open what a count needs.

    Args:
        settings: which.
        calibrates: whether the thresholds are yet to be calibrated, so that boxes of any confidence are wanted.

    Raises:
        OptionError: for a setting out of range, a region's file that is none, or a bundle without calibration.
        ModelError, KeyFileError, SpecError, ConflictError: if bundle, key and encoder cannot be used together.
    """
    scale = PixelScale.parse(settings.scale)
    if settings.tile_px is not None and not _LEAST_TILE <= settings.tile_px <= _MOST_TILE:
        raise OptionError(f"`tile` {settings.tile_px} must be {_LEAST_TILE} to {_MOST_TILE} pixels")
    regions = RegionSet.load(settings.roi) if settings.roi else None
    header = read_bundle_header(settings.model)
    classes = tuple(header.info.classes)
    if calibrates:
        rules = CountRules(classes, (0.0,) * len(classes))
    else:
        rules = CountRules.of(classes, header.counting, settings.threshold, str(settings.model))
    key = load_owner_key(settings.key_path)
    encoder = spec_and_encoder(settings.encoder)[1] if settings.encoder else None
    detector = TileDetector.open(header, settings.model, key, encoder, settings.connection)
    return ImageCounter(detector, rules, scale, regions, settings.tile_px)


def open_corrections(
    counter: ImageCounter, settings: CountSettings, archive: str, private: Path | None, path: Path
) -> Corrections:
    """Open a document of corrections of an archive's images.

    Args:
        counter: of the archive's veil.
        settings: of the count.
        archive: the archive.
        private: its owner's side; None for where it lies by default.
        path: the document, which is not there yet.

    Raises:
        ConflictError: if the archive is of another veil.
        OptionError, ShardError: if archive or owner's side cannot be read, or the document is there.
    """
    header = read_archive_header(Store(archive))
    veil_id = counter.detector.veil.veil_id
    if header.veil_id != veil_id:
        raise ConflictError(f"archive {archive} is of veil {header.veil_id}, the model of {veil_id}; give its model")
    refuse_within_archive(path, "corrections")
    key = load_owner_key(settings.key_path)
    return Corrections(path, header, private or owner_side(archive), key, counter.rules.classes)
