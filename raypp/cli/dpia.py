"""The `raypp dpia` command."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import error_console, say
from raypp.cli.json_file import write_json
from raypp.cli.options import DataKeyFile, JsonFile, OwnerFolder
from raypp.text.wording import counted


def dpia(
    out: Annotated[Path, typer.Argument(help="The new document, such as dpia.md.")],
    archive: Annotated[str, typer.Option(help="The veiled archive: folder or URL.")],
    private: OwnerFolder = None,
    certificate: Annotated[Path | None, typer.Option(help="Certificate of an audit of its veil.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Retention policy, such as retention.yaml.")] = None,
    ledger: Annotated[str | None, typer.Option(help="URL of the ledger that detections go to.")] = None,
    model: Annotated[list[Path] | None, typer.Option(help="A detector's bundle; repeat.")] = None,
    split_key: Annotated[Path | None, typer.Option(help="Split owner's key, whose uses are listed.")] = None,
    log: Annotated[list[Path] | None, typer.Option(help="Log of a person who holds a share of it; repeat.")] = None,
    data_key: DataKeyFile = None,
    json_file: JsonFile = None,
) -> None:
    """Write the facts for a data protection impact assessment (DPIA), and leave judgement blank.

    What is not given is "not known" in the document. An existing file is never overwritten.

    Example: raypp dpia dpia.md --archive veiled --certificate certificate.json --policy retention.yaml
    """
    from raypp.dpia.document import DpiaRequest, gather_facts, write_document
    from raypp.dpia.section import NOT_KNOWN
    from raypp.ingest.settings import owner_side
    from raypp.io.filesystem import is_url
    from raypp.shards.encryption import DataKey
    from raypp.shards.reader import ShardReader

    document = gather_facts(
        DpiaRequest(
            archive=ShardReader(archive, DataKey.load(data_key) if data_key else None),
            private=private or (None if is_url(archive) else owner_side(archive)),
            certificate=certificate,
            policy=policy,
            ledger=ledger,
            models=tuple(model or ()),
            split_key=split_key,
            logs=tuple(log or ()),
        )
    )
    write_document(document, out)
    facts = [fact for section in document.sections for fact in section.facts]
    blanks = sum(len(section.questions) for section in document.sections)
    missing = sum(fact.value == NOT_KNOWN for fact in facts)
    say(
        error_console(),
        [f"{out}: {counted(len(facts) - missing, 'fact')}, {missing} not known, {counted(blanks, 'blank')} to fill in"],
    )
    write_json(json_file, document)
