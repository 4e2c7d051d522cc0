"""A small veiled archive of labelled images, and suspects about it."""

from collections.abc import Iterable
from pathlib import Path

from raypp.ingest.job import open_job, veil_here
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT
from raypp.shards.labels import LabelTable, list_versions, read_labels
from raypp.shards.reader import ShardReader
from raypp.tickets.suspects import tickets_of_suspects
from raypp.tickets.ticket import Ticket, state_of
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.videos import make_dataset

HEAD = "sample_id,kind,score,sample_score,class,predicted,confidence,x,y,w,h\n"
BOX = (0.5, 0.45833, 0.25, 0.375)
"""The one label of each image, in the square."""


def veiled(place: Path, count: int = 6, variants: int = 0) -> Path:
    """Veil images with one label each under a new key, `owner.key`."""
    place.mkdir(exist_ok=True)
    save_owner_key(VeilKey.generate(), place / "owner.key")
    make_dataset(place / "tools", count=count)
    out = place / "veiled"
    settings = VeilSettings(
        out=str(out), private=Path(f"{out}-private"), key_path=place / "owner.key", size=96, variants=variants
    )
    with open_job(settings, [str(place / "tools")], SILENT) as job:
        job.run(veil_here, SILENT, None, None)
    return out


def labels_of(archive: Path, version: str | None = None) -> LabelTable:
    """The labels of an archive that has one version."""
    reader = ShardReader(str(archive))
    return read_labels(reader.store, version or list_versions(reader.store)[0])


def suspect(sample_id: str, kind: str, score: float, names: str, box: Iterable[float] = BOX) -> str:
    """A line of suspects; names are class and predicted class."""
    return f"{sample_id},{kind},{score},0.5,{names},0.9,{','.join(f'{edge:.5f}' for edge in box)}\n"


def suspects(archive: Path) -> str:
    """Suspects about the first three images: one of each kind."""
    samples = sorted(row.sample_id for row in labels_of(archive).rows if not row.variant)
    table = labels_of(archive)
    by_sample = table.by_sample()

    def name(sample_id: str, other: int = 0) -> str:
        return table.classes[(by_sample[sample_id].boxes[0].class_id + other) % 2]

    return (
        HEAD
        + suspect(samples[0], "overlooked", 0.1, ",saw", (0.2, 0.2, 0.1, 0.1))
        + suspect(samples[1], "swapped", 0.2, f"{name(samples[1])},{name(samples[1], 1)}")
        + suspect(samples[2], "badly-located", 0.3, f"{name(samples[2])},{name(samples[2])}")
    )


def opened(archive: Path, path: Path) -> tuple[Ticket, ...]:
    """Open tickets about suspects of a file."""
    table = labels_of(archive)
    return tickets_of_suspects([path], 100, table, state_of(ShardReader(str(archive)).manifest.digest, table))
