"""Releases: all runs for a researcher that wait leave as one file, so that their times tell nothing."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from raypp.errors import ConflictError, OptionError
from raypp.io.atomic import write_bytes
from raypp.ledger.tool_store import ToolStore
from raypp.ledger.tool_values import RunState, ToolRelease, ToolRun
from raypp.toolbox.summary import ReleasedRun, ReleaseFile, tables_of_json


def release_runs(store: ToolStore, researcher: str, out: Path) -> tuple[ToolRelease, int]:
    """Write all that waits for a researcher into one file.

    The ledger has the release before the file is there: where the file is lost, `write_again` writes the same bytes.

    Args:
        store: of the ledger.
        researcher: to whom.
        out: a new file.

    Returns:
        The release, and how many runs for the researcher have not ended yet.

    Raises:
        ConflictError: if nothing waits.
        OptionError: if the file is there, or cannot be written.
    """
    _check_new(out)
    content = b""

    def file_of(release_id: int, runs: Sequence[ToolRun]) -> str:
        nonlocal content
        content = _content(release_id, researcher, runs)
        return hashlib.sha256(content).hexdigest()

    release, begun = store.release(researcher, file_of)
    _write(out, content, release.release_id)
    return release, begun


def write_again(store: ToolStore, release_id: int, out: Path) -> ToolRelease:
    """Write the file of an earlier release anew; nothing else leaves.

    Raises:
        OptionError: if there is no such release, or the file cannot be written.
        ConflictError: if the ledger no longer holds what left then.
    """
    _check_new(out)
    release, runs = store.released(release_id)
    if any(run.state is RunState.FORGOTTEN for run in runs):
        raise ConflictError(f"release {release_id} is older than the ledger keeps: its tables were forgotten")
    content = _content(release_id, release.researcher, runs)
    if hashlib.sha256(content).hexdigest() != release.sha256:
        raise ConflictError(f"release {release_id} is not what left then: the ledger was altered; see its audit log")
    _write(out, content, release_id)
    return release


def _content(release_id: int, researcher: str, runs: Sequence[ToolRun]) -> bytes:
    released = tuple(
        ReleasedRun(
            run=run.run_id,
            tool=run.name,
            version=run.version,
            parameters=json.loads(run.parameters),
            outcome="ok" if run.rule is None else f"refused by rule {run.rule}",
            tables=tables_of_json(run.tables),
        )
        for run in runs
    )
    document = ReleaseFile(release=release_id, researcher=researcher, runs=released)
    return (document.model_dump_json(indent=1) + "\n").encode()


def _check_new(out: Path) -> None:
    if out.exists():
        raise OptionError(f"`out` {out} exists; name a new file")
    if not out.absolute().parent.is_dir():
        raise OptionError(f"`out` {out}: there is no folder {out.absolute().parent}; make it first")


def _write(out: Path, content: bytes, release_id: int) -> None:
    try:
        write_bytes(out, content, durable=True)
    except OSError as error:
        raise OptionError(
            f"`out` {out}: {error.strerror}; the release is recorded, so write it with `raypp tool release --again "
            f"{release_id}`"
        ) from None
