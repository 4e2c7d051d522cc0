"""The rows of a comparison on disk: each finished arm is one JSON file, and beside it what was matched."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from raypp.compare.arm import ArmRow
from raypp.errors import ConflictError, OptionError
from raypp.evaluate.matching import SampleMatches
from raypp.io.atomic import whole_file, write_text

_ROWS, _MATCHES = "rows", "matches"


def read_arm_rows(out: Path) -> dict[str, ArmRow]:
    """Read the finished rows of a comparison by their row_id; raises ConflictError if one is damaged."""
    rows = {}
    for path in sorted((out / _ROWS).glob("*.json")):
        try:
            row = ArmRow.model_validate_json(path.read_bytes())
        except (ValidationError, OptionError):  # the second is of its schedule
            raise ConflictError(f"row {path} is damaged or of another version; remove it") from None
        rows[row.row_id] = row
    return rows


def write_row(out: Path, row: ArmRow, matches: Sequence[SampleMatches]) -> None:
    """Write a finished arm; the row comes last, so an arm that has a row has its matches."""
    for folder in (_ROWS, _MATCHES):
        (out / folder).mkdir(parents=True, exist_ok=True)
    owner = np.concatenate([np.full(len(sample.confidence_P), number) for number, sample in enumerate(matches)])
    labelled = np.concatenate([np.full(len(sample.labelled_L), number) for number, sample in enumerate(matches)])
    with whole_file(out / _MATCHES / f"{row.row_id}.npz") as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            names=np.array([sample.sample_id for sample in matches]),
            owner=owner.astype(np.int32),
            correct=np.concatenate([sample.correct_PT for sample in matches]),
            confidence=np.concatenate([sample.confidence_P for sample in matches]),
            predicted=np.concatenate([sample.predicted_P for sample in matches]),
            labelled_owner=labelled.astype(np.int32),
            labelled=np.concatenate([sample.labelled_L for sample in matches]),
        )
    write_text(out / _ROWS / f"{row.row_id}.json", row.model_dump_json(indent=1) + "\n")


def read_matches(out: Path, row: ArmRow) -> list[SampleMatches]:
    """Read what an arm's detector found on each val image; raises OptionError if it is not there."""
    path = out / _MATCHES / f"{row.row_id}.npz"
    if not path.is_file():
        raise OptionError(f"matches {path} are not there; remove the row {row.row_id} to train that arm again")
    with np.load(path, allow_pickle=False) as stored:
        names, owner, labelled_owner = stored["names"], stored["owner"], stored["labelled_owner"]
        return [
            SampleMatches(
                sample_id=str(name),
                correct_PT=stored["correct"][owner == number],
                confidence_P=stored["confidence"][owner == number],
                predicted_P=stored["predicted"][owner == number],
                labelled_L=stored["labelled"][labelled_owner == number],
            )
            for number, name in enumerate(names)
        ]
