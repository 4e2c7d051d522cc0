"""The document: facts in sections, and blanks for the data protection officer, as Markdown."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from raypp import __version__
from raypp.dpia import archive_facts, evidence_facts, ledger_facts
from raypp.dpia.section import DpiaDocument, Section
from raypp.errors import OptionError
from raypp.forget.receipt import kept_receipts
from raypp.io.private import write_private
from raypp.ledger.store import Ledger
from raypp.shards.reader import ShardReader
from raypp.text.printable import printable

BLANK = "**[To be filled in by the data protection officer]**"
_JUDGEMENT = Section(
    title="Assessment",
    questions=(
        "On which legal basis does the processing rest?",
        "Is the processing necessary and proportionate for its purposes?",
        "What do the persons concerned, or their representatives, say?",
        "Which risks to their rights and freedoms are there, how likely and how severe?",
        "Which measures answer them, and which risk remains?",
        "Decision, date and signature",
    ),
)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


@dataclass(frozen=True)
class DpiaRequest:
    """Sources of facts; whatever is not given is not known.

    Attributes:
        archive: the veiled archive.
        private: the owner's side of it, or None.
        certificate: of an audit of its veil, or None.
        policy: retention policy, or None.
        ledger: URL of a ledger, or None.
        models: bundles of detectors.
        split_key: split owner's key, or None.
        logs: logs of its persons.
    """

    archive: ShardReader
    private: Path | None = None
    certificate: Path | None = None
    policy: Path | None = None
    ledger: str | None = None
    models: tuple[Path, ...] = ()
    split_key: Path | None = None
    logs: tuple[Path, ...] = ()


def gather_facts(request: DpiaRequest) -> DpiaDocument:
    """Gather the facts of a document.

    Raises:
        RayppError: if a source of facts was given, and cannot be read or does not hold.
    """
    if bool(request.split_key) != bool(request.logs):
        raise OptionError("`split_key` and `logs` go together; give both, or neither")
    reader, private = request.archive, request.private
    receipts = [] if private is None else list(kept_receipts(private))
    with ExitStack() as stack:
        ledger = None
        if request.ledger is not None:
            ledger = stack.enter_context(Ledger.open(request.ledger, create=False, upgrade=False))
        sections = (
            archive_facts.collected(reader),
            ledger_facts.recorded(ledger),
            evidence_facts.retention(request.policy),
            archive_facts.readers(reader),
            evidence_facts.measured_leakage(request.certificate, reader),
            evidence_facts.detectors(request.models, reader.header.veil_id, receipts),
            ledger_facts.accesses(ledger),
            evidence_facts.uses_of_key(request.split_key, request.logs),
            archive_facts.forgotten(reader, private),
            _JUDGEMENT,
        )
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return DpiaDocument(made_at=made_at, raypp_version=__version__, sections=sections)


def write_document(document: DpiaDocument, out: Path) -> None:
    """Write a document as Markdown, mode 0600; raises OptionError if the file exists or cannot be written."""
    if out.exists():
        raise OptionError(f"`out` {out} exists, and somebody may have filled it in; name a new file")
    try:
        write_private(out, dpia_markdown(document).encode())
    except OSError as error:
        raise OptionError(f"`out` {out}: {error.strerror}; name a file where you may write") from None


def dpia_markdown(document: DpiaDocument) -> str:
    """Return a document as Markdown; names that others gave are escaped."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: DpiaDocument) -> Iterator[str]:
    yield "# Data protection impact assessment"
    yield ""
    yield (
        f"Facts were gathered by raypp {document.raypp_version} at {document.made_at}. Each names its evidence. "
        "Nothing else was measured: *not known* stands where nothing tells. This is no assessment until a person has "
        f"filled in each blank, {BLANK}."
    )
    for section in document.sections:
        yield from ("", f"## {section.title}")
        if section.facts:
            yield from ("", "| fact | value | evidence |", "| --- | --- | --- |")
        for fact in section.facts:
            yield f"| {_escaped(fact.name)} | {_escaped(fact.value)} | {_escaped(fact.evidence)} |"
        for question in section.questions:
            yield from ("", f"**{question}**", "", BLANK)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", printable(text))
