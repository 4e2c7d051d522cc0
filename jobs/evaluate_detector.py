"""Evaluate a detector on Ray: shards -> labelled frames of the split -> StudyActor -> scores and report here.

Example:
    ray job submit --working-dir . -- python -m jobs.evaluate_detector /veiled --model /run --report /report
"""

import pickle
import re
from collections.abc import Iterator

import ray
from ray.data import ActorPoolStrategy

from actors.predict_actor import PredictActor
from jobs.cluster import connect
from jobs.command import run_job
from jobs.shard_source import read_archive
from jobs.shares import cpus_each
from raypp.cli.evaluate import evaluate
from raypp.errors import ModelError
from raypp.evaluate.predict import PREDICT_BATCH, PREDICT_COLUMNS
from raypp.evaluate.request import PredictedSample, PredictSettings
from raypp.execution import ExecutionSettings

# Detectors that need all CPUs would leave none for the read tasks that feed them.
_ACTOR_SHARE = 0.9
_READ_CPUS = 0.02


def study_on_ray(settings: PredictSettings, execution: ExecutionSettings) -> Iterator[PredictedSample]:
    """Study every labelled frame of a split on a Ray cluster, each once, in any order.

    Raises:
        ModelError: if a shard or the detector cannot be read where it is needed.
    """
    connect(execution.address, pools=True)
    workers = execution.workers or 1
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    cpus = cpus_each([float(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]], workers)
    frames = read_archive(
        settings.archive, settings.labels_version, PREDICT_COLUMNS, settings.data_key_path, cpus=_READ_CPUS
    )
    wanted = frames.filter(expr=f"split == '{settings.split}' and variant == 0", num_cpus=_READ_CPUS)
    studied = wanted.map_batches(
        PredictActor,
        fn_constructor_kwargs={"settings": settings.model_dump_json(), "threads": max(1, round(cpus))},
        batch_size=PREDICT_BATCH,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=workers),
        num_cpus=_ACTOR_SHARE * cpus,
        num_gpus=execution.gpus or None,
    )
    try:
        for row in studied.iter_rows():
            yield pickle.loads(row["sample"])  # noqa: S301 - of our own actor
    except ray.exceptions.RayError as error:
        raise ModelError(f"evaluation stopped: {_root(str(error))}") from None


def _root(text: str) -> str:
    """Return why a worker failed, without the layers that Ray wraps it in: an error of ours, or the last line."""
    ours: list[str] = re.findall(r"raypp\.errors\.\w+: (.+)", text)
    return ours[-1] if ours else text.strip().splitlines()[-1]


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(evaluate, "evaluate", study_on_ray)


if __name__ == "__main__":
    main()
