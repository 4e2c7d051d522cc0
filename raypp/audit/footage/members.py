"""Images of which the owner knows whether a detector learnt from them: a dataset's train split, and its val split."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from raypp.audit.core.model import Frames, Images, Trial
from raypp.audit.footage.evidence import CAMERA, Labels, digest_of, read_labelled
from raypp.io.filesystem import is_url
from raypp.media.dataset import Dataset
from raypp.media.discovery import discover
from raypp.text.split_names import TRAIN, VAL

LEAST_MEMBERS, LEAST_STRANGERS = 16, 40
"""Fewest images of train, and of val, that tell anything."""
_MOST_OWN = 64

Read = list[tuple[Frames, Labels]]


def gather_trial(sources: tuple[str, ...], size: int, patch: int, count: int, seed: int) -> Trial | None:
    """Read images of both splits of a dataset, as the veil letterboxes them.

    Args:
        sources: where to look; of local datasets in YOLO layout, the first with enough images of one shape is taken.
        size: side of the detector's square, in pixels.
        patch: side of the veil's cells, in pixels.
        count: images to try, at most, of either split.
        seed: of which ones.

    Raises:
        LabelError, MediaError: if labels or images cannot be read.
    """
    local = [source for source in sources if not is_url(source)]
    for dataset in discover(local).datasets if local else ():
        counts = Counter(image.split for image in dataset.images)
        if counts[TRAIN] >= LEAST_MEMBERS and counts[VAL] >= LEAST_STRANGERS:
            chance = np.random.default_rng(seed)
            train = _read(dataset, TRAIN, count, size, patch, chance)
            trial = _trial(train, _read(dataset, VAL, count + _MOST_OWN, size, patch, chance))
            if trial is not None:
                return trial
    return None


def trial_digest(trial: Trial) -> str:
    """SHA-256 of all its images and labels, as hex."""
    return digest_of(trial.members, trial.strangers, trial.own)


def _read(dataset: Dataset, split: str, count: int, size: int, patch: int, chance: np.random.Generator) -> Read:
    images = [image for image in dataset.images if image.split == split]
    chosen = [images[place] for place in chance.permutation(len(images))[:count]]
    return [read_labelled(image.file.url, (dataset, image), size, patch) for image in chosen]


def _trial(train: Read, val: Read) -> Trial | None:
    shape = Counter(frame.shape for frame, _ in (*train, *val)).most_common(1)[0][0]
    members, others = ([image for image in part if image[0].shape == shape] for part in (train, val))
    if len(members) < LEAST_MEMBERS or len(others) < LEAST_STRANGERS:
        return None
    own = min(_MOST_OWN, len(others) // 2)
    return Trial(_together(members), _together(others[own:]), _together(others[:own]))


def _together(read: Sequence[tuple[Frames, Labels]]) -> Images:
    return Images(np.stack([frame for frame, _ in read]), (CAMERA,) * len(read), tuple(boxes for _, boxes in read))
