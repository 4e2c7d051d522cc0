"""Rows of arms as a comparison makes them, with figures that tests choose."""

from raypp.compare.arm import Arm, ArmRow, ComparisonSchedule, VeilFigures
from raypp.compare.arm_kind import ArmKind

SCHEDULE = ComparisonSchedule(size=256, epochs=12)


def arm_row(
    name: str, map50: float, veil_id: str | None = None, seed: int = 0, schedule: ComparisonSchedule = SCHEDULE
) -> ArmRow:
    kind = ArmKind.PLAIN if veil_id is None else ArmKind.VEILED
    figures = veil_id and VeilFigures(
        veil_id=veil_id, frames=10, shard_bytes=40_000, source_bytes=100_000, decode_s=1, veil_s=1
    )
    return ArmRow(
        row_id=f"{name}-s{seed}", arm=Arm(name=name, kind=kind, seed=seed), schedule=schedule, dataset="tools",
        train_images=8, val_images=2, map50=map50, map50_95=map50 / 2, classes={}, curve=(), step_s=1, train_s=1,
        veil=figures or None, command="", commit="", device="", versions={},
    )  # fmt: skip
