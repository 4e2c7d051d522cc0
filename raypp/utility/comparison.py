"""A comparison from beginning to end: veil, train what has no row yet, and gather the table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from raypp.detect.dataset import VeiledDataset
from raypp.errors import ConflictError, RayppError
from raypp.utility import obscured
from raypp.utility.arm import Arm, ArmRow, Schedule, VeilFigures
from raypp.utility.pictures import PictureSet, read_pictures
from raypp.utility.rows import read_rows, write_row
from raypp.utility.running import Bench, Report, VeiledArchive, run_arm
from raypp.veil.encoder_file import open_encoder
from raypp.veil.keyfile import load_key
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import LearnedSpec
from raypp.veiling.identity import sample_id
from raypp.veiling.job import Executor, load_plan, open_job
from raypp.veiling.private import write_private
from raypp.veiling.progress import Reporter
from raypp.veiling.settings import VeilSettings

_FIGURES_FILE = "figures.json"


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
    schedule: Schedule
    data: str
    out: Path
    key_path: Path
    row_id: str
    wrong_keys: int
    command: str


ArmExecutor = Callable[[Sequence[ArmTask]], Iterator[str]]
"""Runs arms somewhere, and yields the row_id of each as its row is written."""


@dataclass(frozen=True)
class Comparison:
    """What is compared.

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
    key_path: Path
    schedule: Schedule
    arms: tuple[Arm, ...]
    wrong_keys: int
    command: str

    def tasks(self, pictures: PictureSet) -> list[ArmTask]:
        """Return every arm as a task."""
        return [
            ArmTask(
                arm=arm,
                schedule=self.schedule,
                data=self.data,
                out=self.out,
                key_path=self.key_path,
                row_id=arm.row_id(self.schedule, pictures.name),
                wrong_keys=self.wrong_keys,
                command=self.command,
            )
            for arm in self.arms
        ]


def compare(comparison: Comparison, veil: Executor, execute: ArmExecutor, reporter: Reporter) -> list[ArmRow]:
    """Run what has no row yet; returns the rows of all arms that were asked for.

    Args:
        comparison: what is compared.
        veil: where frames are veiled.
        execute: where arms run.
        reporter: shows progress.
    """
    pictures = read_pictures(comparison.data)
    tasks = comparison.tasks(pictures)
    there = read_rows(comparison.out)
    todo = [task for task in tasks if task.row_id not in there]
    for settings in {str(one.out): one for one in map(_settings, todo) if one is not None}.values():
        _veil(comparison.data, settings, veil, reporter)
    with reporter.task("training arms", len(todo)) as advance:
        for done, row_id in enumerate(execute(todo) if todo else (), 1):
            advance(1, f"{done}/{len(todo)} {row_id}", 0)
    rows = read_rows(comparison.out)
    return [rows[task.row_id] for task in tasks]


def run_task(task: ArmTask, report: Report) -> str:
    """Run one arm and write its row; returns its row_id."""
    pictures = read_pictures(task.data)
    settings = _settings(task)
    archive = _open_archive(task, settings) if settings else None
    folder = task.out / "running" / task.row_id
    folder.mkdir(parents=True, exist_ok=True)
    figures, way = None, task.arm.obscuring
    if way is not None:
        plain, pictures = pictures, obscured.obscure(pictures, way, task.schedule.size, folder / "obscured")
        figures = obscured.figures(plain, pictures)
    bench = Bench(task.schedule, pictures, folder, archive, figures, task.wrong_keys, task.command)
    row, matches = run_arm(task.arm, bench, task.row_id, report)
    write_row(task.out, row, matches)
    return task.row_id


def run_here(tasks: Sequence[ArmTask], report: Callable[[ArmTask], Report]) -> Iterator[str]:
    """Run arms one after another in this process."""
    for task in tasks:
        yield run_task(task, report(task))


def _settings(task: ArmTask) -> VeilSettings | None:
    """How an arm's pictures are veiled; None for plain arms. Arms of one veil share an archive."""
    arm, size = task.arm, task.schedule.size
    if arm.spec is None:
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


def _veil(data: str, settings: VeilSettings, execute: Executor, reporter: Reporter) -> None:
    """Veil the dataset once, and keep what that came to beside the archive."""
    kept = settings.private / _FIGURES_FILE
    if kept.exists():
        return
    with open_job(settings, [data], reporter) as job:
        summary = job.run(execute, reporter, None, None)
    if summary.quarantined or summary.unfinished or summary.label_problems:
        first = [*summary.label_problems, *(one.reason for one in (*summary.quarantined, *summary.unfinished))][0]
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


def _open_archive(task: ArmTask, settings: VeilSettings) -> VeiledArchive:
    key = settings.load_key()
    root = Path(task.data).absolute()
    names = {
        sample_id(key, item.site, bytes.fromhex(item.identity), 0): str(Path(item.url).relative_to(root))
        for item in load_plan(settings.private).items().values()
    }
    figures = VeilFigures.model_validate_json((settings.private / _FIGURES_FILE).read_bytes())
    network = None
    if isinstance(settings.spec, LearnedSpec) and settings.encoder_path is not None:
        network = EncoderNetwork(open_encoder(settings.encoder_path, settings.spec, key))
    return VeiledArchive(VeiledDataset.open(settings.out, None), figures, names, network)
