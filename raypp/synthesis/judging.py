"""Judging a generator: how near its frames lie to those it learned, and whether its loss tells which those were."""

from pathlib import Path

from raypp.detect.inputs.labelled import LabelledReader
from raypp.progress import Progress
from raypp.shards.schema import ArchiveHeader
from raypp.synthesis.frames import COLUMNS, RealFrame, RealFrames, coded_frame
from raypp.synthesis.generator import Generator
from raypp.synthesis.nearness import LearnedFrames
from raypp.synthesis.report import MembershipAttack, Nearness, membership_of, nearness_of
from raypp.synthesis.rows import SITE
from raypp.synthesis.settings import SynthesisSettings
from raypp.synthesis.training import GeneratorTask, frame_losses
from raypp.text.split_names import TRAIN, VAL

_ATTACK_SEED = 1


def measure_nearness(
    settings: SynthesisSettings, labels_version: str, header: ArchiveHeader, learned: LearnedFrames, real: RealFrames
) -> Nearness | None:
    """Compare synthetic and val frames with the frames that the generator learned.

    Args:
        settings: the archives.
        labels_version: of the synthetic one.
        header: of the synthetic one.
        learned: frames that the generator learned.
        real: the real frames.
    """
    if not real.val:
        return None
    drawn = learned.distances(_drawn(settings.out, labels_version, header, settings))
    return nearness_of(drawn, learned.distances(real.val))


def attack_membership(
    generator: Generator, task: GeneratorTask, real: RealFrames, progress: Progress
) -> MembershipAttack | None:
    """Attack a generator by its loss: frames that it learned against val frames that it never saw."""
    if not real.val:
        return None
    progress.say("attacking the generator by its loss")
    losses = [
        frame_losses(generator.network, frames, task.maps, task.amp, _ATTACK_SEED).tolist()
        for frames in (task.learned, real.val)
    ]
    return membership_of(*losses)


def _drawn(archive: Path, labels_version: str, header: ArchiveHeader, settings: SynthesisSettings) -> list[RealFrame]:
    """Synthetic frames of both splits, and no real ones that are mixed in."""
    reader = LabelledReader(str(archive), labels_version, settings.data_key_path)
    rows = (row for split in (TRAIN, VAL) for row in reader.rows(split, (*COLUMNS, "site")))
    return [coded_frame(row, header) for row in rows if row["site"] == SITE]
