"""The `raypp model agreement` command: how far a shadow detects what the live model does."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, opened_ledgers, say, say_all
from raypp.cli.options import JsonFile
from raypp.ledger.times import shown_time
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.ledger.model_agreement import ClassAgreement, KeptAgreement


def model_agreement(
    reference: Annotated[
        str | None, typer.Argument(help="The shadow's name, an alias, or the begin of its model_id (default: all).")
    ] = None,
    ledger: LedgerUrl = None,
    veil: Annotated[str | None, typer.Option(help="Only models of this veil_id.")] = None,
    json_file: JsonFile = None,
) -> None:
    """Show how far models that ran as `shadow` detected the same as the live one.

    Example: raypp model agreement tools-v2 --ledger sqlite:///ledger.db
    """
    from raypp.ledger.model_agreement import AgreementBook
    from raypp.ledger.model_listing import AgreementListing
    from raypp.ledger.model_registry import ModelRegistry

    with opened_ledgers(ledger, upgrade=False) as ledgers:
        home = ledgers.home.ledger()
        registry = ModelRegistry(home)
        wanted = registry.model(reference, veil) if reference else None
        kept = [each for each in AgreementBook(home).kept(veil) if wanted is None or each.shadow_id == wanted.model_id]
        labels = {each.model_id: each.label for each in registry.models(veil)}
    for each in kept:
        say_all(_lines(each, labels))
    if not kept:
        say("no model has run beside a live one; let one by `raypp model alias MODEL shadow`")
    write_json(json_file, AgreementListing(agreements=tuple(kept)))


def _lines(kept: "KeptAgreement", labels: dict[str, str]) -> Iterator[str]:
    agreement = kept.agreement
    shadow, live = (labels.get(model_id, model_id[:12]) for model_id in (kept.shadow_id, kept.live_id))
    yield f"shadow        {shadow}, beside {live}"
    yield f"counted       {shown_time(kept.first_us)} to {shown_time(kept.last_us)}"
    share = f", {agreement.alike / agreement.frames:.1%} alike" if agreement.frames else ""
    yield f"frames        {agreement.frames}{share}; {agreement.passed_over} passed over"
    for name, counts in sorted(agreement.classes.items()):
        yield f"  {name:<12}{_words(counts)}"
    if len(agreement.classes) > 1:
        yield f"  {'all':<12}{_words(agreement.total)}"


def _words(counts: "ClassAgreement") -> str:
    share = "" if counts.share is None else f"{counts.share:.1%} by both, "
    alone = f"{counted(counts.live_alone, 'time')} by the live one alone, {counts.shadow_alone} by the shadow alone"
    return f"{share}{alone}"
