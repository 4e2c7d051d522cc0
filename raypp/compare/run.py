"""A comparison from what was asked to the table of its arms."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from raypp.compare.arm import Arm, ArmProgress
from raypp.compare.comparison import ArmExecutor, ArmTask, Comparison, compare
from raypp.compare.images import read_images
from raypp.compare.rows import read_arm_rows, read_matches
from raypp.compare.table import ComparisonTable, TableLine, draw_table, make_table, table_to_markdown
from raypp.errors import OptionError
from raypp.execution import ExecutionSettings, On, on_ray
from raypp.ingest.job import veil_here
from raypp.io.private import PUBLIC, private_folder, private_umask
from raypp.progress import SILENT, Progress
from raypp.shards.place import refuse_within_archive
from raypp.train.options import check_counts, check_size, check_weights


class CompareSummary(BaseModel):
    """Results of a comparison: one line an arm, the reference first."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    reference: str | None
    lines: tuple[TableLine, ...]


def check_comparison(comparison: Comparison) -> None:
    """Raise OptionError for a value out of range, two arms of one name, or an output within an archive."""
    schedule = comparison.schedule
    refuse_within_archive(comparison.out, "plain images")
    check_counts({"epochs": schedule.epochs, "batch": schedule.batch, "nominal_batch": schedule.nominal_batch})
    check_size(schedule.size)
    check_weights(schedule.weights)
    named: dict[tuple[str, int], Arm] = {}
    for arm in comparison.arms:
        if named.setdefault((arm.name, arm.seed), arm) != arm:
            raise OptionError(f"two arms are called {arm.name}; give each a name of its own")


def run_comparison(
    comparison: Comparison,
    execution: ExecutionSettings | None = None,
    progress: Progress = SILENT,
    *,
    replicates: int = 1000,
) -> CompareSummary:
    """Train what has no row yet, and write the table of all arms into `OUT/public`.

    Args:
        comparison: what is compared.
        execution: where arms are trained; by default two or more on Ray, and one in this process.
        progress: is told each epoch.
        replicates: bootstrap resamples of each interval.

    Raises:
        OptionError, LabelError: if it cannot be done as asked.
        ConflictError: if an archive in the folder was begun otherwise.
        ModelError: if an arm failed; the rows of the others are kept.
    """
    execution = execution or ExecutionSettings()
    execution.check("cpus", "gpus")
    check_comparison(comparison)

    def execute(tasks: Sequence[ArmTask]) -> Iterator[str]:
        chosen: ArmExecutor = _in_this_process(progress)
        if execution.choose(len(tasks)) is On.RAY:
            chosen = on_ray("compare", execution)
        return chosen(tasks)

    rows = compare(comparison, veil_here, execute, progress)
    table = make_table(rows, lambda row: read_matches(comparison.out, row), replicates)
    _write(table, comparison)
    return CompareSummary(dataset=rows[0].dataset, reference=table.reference, lines=table.lines)


def plan_lines(comparison: Comparison) -> Iterator[str]:
    """Word which arms would be trained, and which have their rows.

    Raises:
        OptionError, LabelError: if it cannot be done as asked.
    """
    check_comparison(comparison)
    images = read_images(comparison.data)
    rows = read_arm_rows(comparison.out)
    counts = ", ".join(f"{len(labelled)} {split}" for split, labelled in images.splits.items())
    yield f"{images.name}: {counts} images, {len(images.classes)} classes"
    for task in comparison.tasks(images):
        state = "has its row" if task.row_id in rows else "would be trained"
        yield f"{task.row_id:<40}  {state}"


def _in_this_process(progress: Progress) -> ArmExecutor:
    from raypp.compare.task import run_arms_here  # noqa: PLC0415 - needs torch, slow to import

    def report_of(task: ArmTask) -> ArmProgress:
        return lambda epoch, epochs, losses: progress.say(f"{task.row_id}  epoch {epoch}/{epochs}  {losses}")

    return lambda tasks: run_arms_here(tasks, report_of)


@private_umask()
def _write(table: ComparisonTable, comparison: Comparison) -> None:
    public = private_folder(comparison.out / PUBLIC)
    (public / "table.md").write_text(table_to_markdown(table))
    draw_table(table, public / "table.png")
