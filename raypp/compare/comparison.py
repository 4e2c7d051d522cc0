"""A comparison from beginning to end: veil, train what has no row yet, and gather the table."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from raypp.compare.arm import Arm, ArmRow, ComparisonSchedule, VeilFigures
from raypp.compare.arm_display import arms_shown
from raypp.compare.arm_kind import ArmKind
from raypp.compare.images import ImageDataset, read_images
from raypp.compare.rows import read_arm_rows
from raypp.errors import ConflictError, RayppError
from raypp.execution import Executor
from raypp.ingest.job import VeilExecutor, open_job
from raypp.ingest.settings import VeilSettings
from raypp.io.private import private_folder, private_umask, write_private
from raypp.io.settings import absolute_place
from raypp.key_sources.field import AbsoluteKeyPlace
from raypp.key_sources.place import WRAPPING, KeyPlace, key_place
from raypp.progress import Progress
from raypp.veil.keyfile import load_key

FIGURES_FILE = "figures.json"


class ArmTask(BaseModel):
    """One arm as it is sent to where it runs: everything by value or by path, and no key.

    Attributes:
        arm, schedule: what is trained.
        data: the dataset's folder.
        out: folder of the comparison.
        key_path: the owner's key.
        row_id: name of the row to come.
        wrong_keys: how many other keys to try.
        command: the command line that asked for it.
    """

    model_config = ConfigDict(frozen=True)

    arm: Arm
    schedule: ComparisonSchedule
    data: str
    out: Path
    key_path: AbsoluteKeyPlace
    row_id: str
    wrong_keys: int
    command: str

    @property
    def folder(self) -> Path:
        """Folder of what the arm needs while it runs, and goes on from after a stop."""
        return self.out / "running" / self.row_id


ArmExecutor = Executor[[Sequence[ArmTask]], Iterator[str]]
"""Runs arms, and yields the row_id of each as its row is written."""


@dataclass(frozen=True)
class Comparison:
    """Data, arms and settings of a comparison.

    Attributes:
        data: a dataset in YOLO layout, train and val.
        out: folder of rows, veiled archives and tables; it stays inside the perimeter.
        key_path: the owner's key.
        schedule: what all arms have in common.
        arms: what is trained.
        wrong_keys: how many other keys each veiled detector is tried on.
        command: the command line that asked for it.
    """

    data: str
    out: Path
    key_path: KeyPlace
    schedule: ComparisonSchedule
    arms: tuple[Arm, ...]
    wrong_keys: int = 3
    command: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", absolute_place(str(self.data)))  # workers run in other folders
        object.__setattr__(self, "out", Path(self.out).absolute())
        object.__setattr__(self, "key_path", key_place(self.key_path).absolute())
        if weights := self.schedule.weights:
            absolute = self.schedule.model_copy(update={"weights": weights.absolute()})
            object.__setattr__(self, "schedule", absolute)

    def tasks(self, images: ImageDataset) -> list[ArmTask]:
        """Return every arm as a task."""
        return [
            ArmTask(
                arm=arm,
                schedule=self.schedule,
                data=self.data,
                out=self.out,
                key_path=self.key_path,
                row_id=arm.row_id(self.schedule, images.name),
                wrong_keys=self.wrong_keys,
                command=self.command,
            )
            for arm in self.arms
        ]


@private_umask()
def compare(comparison: Comparison, veil: VeilExecutor, execute: ArmExecutor, progress: Progress) -> list[ArmRow]:
    """Run what has no row yet; returns the rows of all arms that were asked for.

    Args:
        comparison: what is compared.
        veil: where frames are veiled.
        execute: where arms run.
        progress: shows progress.
    """
    images = read_images(comparison.data)
    tasks = comparison.tasks(images)
    private_folder(comparison.out)
    there = read_arm_rows(comparison.out)
    todo = [task for task in tasks if task.row_id not in there]
    for settings in {str(wanted.out): wanted for wanted in map(veil_settings, todo) if wanted is not None}.values():
        _veil(comparison.data, settings, veil, progress)
    with arms_shown({task.row_id: task.folder for task in todo}, progress) as display:
        for row_id in execute(todo) if todo else ():
            display.end(row_id)
    rows = read_arm_rows(comparison.out)
    return [rows[task.row_id] for task in tasks]


def veil_settings(task: ArmTask) -> VeilSettings | None:
    """How an arm's images are veiled; None for arms without a veil. Arms of one veil share an archive."""
    arm, size = task.arm, task.schedule.size
    if arm.spec is None or arm.kind is ArmKind.HOMEOMORPHIC:
        return None
    veil_id = load_key(task.key_path).veil_id(arm.spec)
    archive = task.out / "veiled" / f"{veil_id[:12]}-{size}-v{arm.variants}"
    return VeilSettings(
        out=str(archive),
        private=archive.with_name(archive.name + "-private"),
        key_path=task.key_path,
        spec=arm.spec,
        encoder_path=arm.encoder,
        size=size,
        variants=arm.variants,
    )


def _veil(data: str, settings: VeilSettings, execute: VeilExecutor, progress: Progress) -> None:
    """Veil the dataset once, and keep what that came to beside the archive."""
    kept = settings.private / FIGURES_FILE
    if kept.exists():
        return
    with open_job(settings, [data], progress, allow_unlabelled=True) as job:
        summary = job.run(execute, progress, None, None)
    if summary.quarantined or summary.unfinished or summary.label_problems:
        first = [*summary.label_problems, *(item.reason for item in (*summary.quarantined, *summary.unfinished))][0]
        raise RayppError(f"dataset {data} is not veiled whole: {first}; mend it, so that arms compare")
    if summary.segments_skipped:
        raise ConflictError(
            f"archive {settings.out} was begun by a run that was stopped, so its times are not known; "
            "remove it and run again"
        )
    figures = VeilFigures(
        veil_id=summary.veil_id,
        frames=summary.frames,
        shard_bytes=summary.shard_bytes,
        source_bytes=summary.source_bytes,
        decode_s=summary.decode_core_s,
        veil_s=summary.veil_core_s,
    )
    write_private(kept, figures.model_dump_json(indent=1).encode())


def published_command() -> str:
    """Return the command line of this process as a user would type it, of paths only the names: rows are published.

    Of a key's source only its kind stands there.
    """
    sources = re.compile(rf"(^|=)({'|'.join(WRAPPING)}):.*")
    words = [re.sub(r"(^|=)[^=]*/", r"\1", sources.sub(r"\1\2:...", word)) for word in sys.argv[1:]]
    return " ".join(["raypp", *words] if Path(sys.argv[0]).name == "__main__.py" else [Path(sys.argv[0]).name, *words])
