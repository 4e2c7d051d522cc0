"""All labels of what is to be veiled, read and counted before any work."""

from collections.abc import Iterable
from dataclasses import dataclass

from raypp.errors import LabelError
from raypp.media.dataset import Dataset, DatasetLabels, LabelCount, LabelMemory, read_dataset_labels
from raypp.media.discovery import Discovery


@dataclass(frozen=True)
class LabelReading:
    """Labels of a job's datasets.

    Attributes:
        datasets: labels by the dataset's root.
        count: how many images have labels, over all datasets, and of loose images those whose labels cannot be used.
        problems: labels that cannot be used, one line each.
        notes: what is odd about labels, and costs none that are wanted.
    """

    datasets: dict[str, DatasetLabels]
    count: LabelCount
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def clipped(self) -> int:
        """Boxes that were clipped to their image."""
        return sum(dataset.clipped for dataset in self.datasets.values())

    @property
    def repeated(self) -> int:
        """Rows left out because they stand twice."""
        return sum(dataset.repeated for dataset in self.datasets.values())


def read_all_labels(discovery: Discovery, memory: LabelMemory | None = None) -> LabelReading:
    """Read the labels of all datasets that were discovered; label files that `memory` knows are not read again."""
    datasets = {dataset.root: read_dataset_labels(dataset, memory) for dataset in discovery.datasets}
    loose = LabelCount(unread=len(discovery.unread))
    problems = [line for dataset in datasets.values() for line in dataset.problems.values()]
    return LabelReading(
        datasets,
        sum((dataset.count for dataset in datasets.values()), loose),
        tuple(dict.fromkeys([*discovery.label_problems, *problems])),
        (*discovery.label_notes, *_backgrounds(discovery.datasets, datasets)),
    )


def require_labels(discovery: Discovery, reading: LabelReading) -> None:
    """Refuse footage of which most should have labels, and has none that can be used.

    Raises:
        LabelError: naming the dataset, what was found, the first cause and the way round.
    """
    for dataset in discovery.datasets:
        labels = reading.datasets[dataset.root]
        if labels.count.mostly_unlabelled:
            raise LabelError(
                _refusal(dataset.root, labels.count, [*labels.problems.values(), *discovery.label_problems])
            )
    images = len(discovery.files)
    if 2 * len(discovery.unread) > images:
        count = LabelCount(0, images - len(discovery.unread), len(discovery.unread))
        raise LabelError(_refusal("images in no dataset", count, discovery.label_problems))


def _refusal(what: str, count: LabelCount, causes: Iterable[str]) -> str:
    total = count.labelled + count.without + count.unread
    cause = next(iter(causes), "no label file lies where one is looked for (docs/reference/labels.md)")
    return (
        f"{what}: {count.without + count.unread} of {total} images have no labels that can be used ({count.without} "
        f"have none, of {count.unread} they cannot be read): {cause}; or veil them as they are with `allow_unlabelled`"
    )


def _backgrounds(datasets: Iterable[Dataset], labels: dict[str, DatasetLabels]) -> list[str]:
    """Say of which datasets images without labels count as empty."""
    return [
        f"{dataset.root}: {count.without} images without a label file count as looked at and empty"
        for dataset in datasets
        if dataset.missing_is_empty and (count := labels[dataset.root].count).without and count.labelled
    ]
