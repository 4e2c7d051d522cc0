"""Veiling from settings and sources to the closed archive."""

from collections.abc import Sequence

from raypp.execution import ExecutionSettings, On, on_ray
from raypp.ingest.job import VeilExecutor, open_job, veil_here
from raypp.ingest.probing import Prober, probe_here
from raypp.ingest.settings import VeilSettings
from raypp.ingest.summary import VeilSummary
from raypp.progress import SILENT, Progress


def run_veil(
    settings: VeilSettings,
    sources: Sequence[str],
    execution: ExecutionSettings | None = None,
    progress: Progress = SILENT,
    *,
    limit: int | None = None,
    labels_version: str | None = None,
    allow_unlabelled: bool = False,
) -> VeilSummary:
    """Veil what is missing of an archive, and close it.

    Args:
        settings: archive, key, veil, size and sampling.
        sources: files, folders, globs, URLs, inventories (.csv).
        execution: where segments are veiled; by default where it ends sooner.
        progress: is told how far it is.
        limit: at most so many segments in this run; None for all.
        labels_version: name of the label tables that are written; None to number them.
        allow_unlabelled: take a dataset though most of its images have no labels.

    Raises:
        OptionError: for a value that is out of range.
        ConflictError, KeyFileError, MediaError, LabelError, SpecError: as `open_job`.
    """
    execution = execution or ExecutionSettings()
    execution.check("workers", "gpus")
    workers = execution.expected_workers
    probe: Prober = on_ray("probe", execution) if execution.is_surely_ray else probe_here
    with open_job(settings, sources, progress, allow_unlabelled=allow_unlabelled, workers=workers, probe=probe) as job:
        todo = job.pending[:limit]
        on = execution.choose(len(todo), job.expected_seconds(todo))
        execute: VeilExecutor = on_ray("veil", execution) if on is On.RAY else veil_here
        return job.run(execute, progress, limit, labels_version)
