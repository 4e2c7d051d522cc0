"""Losses against plain images of another schedule, such as one of as many epochs as fit and training outside have.

Run: python -m benchmarks.equal_epochs PLAIN VEILED..., each the folder of a `raypp compare` on the same images.
"""

import sys
from pathlib import Path

from raypp.compare.arm import ArmRow
from raypp.compare.arm_kind import ArmKind
from raypp.compare.bootstrap import relative_gap
from raypp.compare.rows import read_arm_rows, read_matches
from raypp.errors import OptionError

_REPLICATES = 1000


def main(plain: Path, others: list[Path]) -> None:
    """Print, of every arm and seed, mAP50, mAP50-95 and the loss of both with its 95 % interval over images."""
    references = {row.arm.seed: row for row in read_arm_rows(plain).values() if row.arm.kind is ArmKind.PLAIN}
    print("| arm | epochs outside | seed | mAP50 | mAP50-95 | loss of mAP50 [95 %] | loss of mAP50-95 [95 %] |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for out in (plain, *others):
        for row in read_arm_rows(out).values():
            if row.arm.seed not in references:
                raise OptionError(f"{plain} has no plain arm of seed {row.arm.seed}, against which {row.row_id} stands")
            reference = references[row.arm.seed]
            losses = ("", "") if row == reference else _losses(plain, reference, out, row)
            cells = (
                row.arm.name,
                row.schedule.epochs,
                row.arm.seed,
                f"{row.map50:.3f}",
                f"{row.map50_95:.3f}",
                *losses,
            )
            print("| " + " | ".join(map(str, cells)) + " |")


def _losses(plain: Path, reference: ArmRow, out: Path, row: ArmRow) -> tuple[str, ...]:
    pair = [read_matches(plain, reference)], [read_matches(out, row)]
    return tuple(
        f"{100 * loss.value:.1f} % [{100 * loss.low:.1f}, {100 * loss.high:.1f}]"
        for loss in relative_gap(*pair, _REPLICATES)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(place) for place in sys.argv[2:]])
