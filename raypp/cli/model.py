"""The `raypp model` group: models added, listed, named, promoted, rolled back and retired."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, note, opened_ledgers, say, say_all
from raypp.cli.model_agreement import model_agreement
from raypp.cli.model_history import model_history
from raypp.cli.options import JsonFile
from raypp.errors import OptionError
from raypp.ledger.times import shown_time
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.ledger.ledgers import Ledgers
    from raypp.ledger.model_registry import ModelRegistry
    from raypp.ledger.model_values import GateOutcome, RegisteredModel

Reference = Annotated[str, typer.Argument(help="Its name, an alias, or 6 digits or more of its model_id.")]
OneVeil = Annotated[str | None, typer.Option("--veil", help="veil_id that the model must be of.")]

model = command_group("Keep models with their evidence; make one live, roll it back, say which one counted when.")


@model.command("add")
def model_add(
    bundle: Annotated[Path, typer.Argument(help="A file of `raypp export`.")],
    keep_in: Annotated[
        Path,
        typer.Option(
            envvar="RAYPP_MODELS",
            show_envvar=False,
            help="Folder that keeps bundles, where services read them, too (default: RAYPP_MODELS).",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Its name (default: the file's, and the begin of its id).")] = None,
    evaluation: Annotated[
        list[Path] | None, typer.Option(help="A file of `raypp evaluate --json` of this bundle; may be repeated.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="The certificate.json of an audit of the model's veil.")
    ] = None,
    ledger: LedgerUrl = None,
    json_file: JsonFile = None,
) -> None:
    """Keep a bundle and register its model; once more, with further evaluations or a certificate, adds these.

    Example: raypp model add tools.model --keep-in models --evaluation tools.json --ledger sqlite:///ledger.db
    """
    from raypp.ledger.model_listing import ModelListing
    from raypp.registry.addition import add_model

    with _registry(ledger, writes=True) as (_, registry):
        added = add_model(registry, bundle, keep_in, name=name, evaluations=evaluation or (), certificate=certificate)
    note(f"model {added.label} of veil {added.veil_id} is kept at {added.file}")
    write_json(json_file, ModelListing.of(added))


@model.command("list")
def model_list(
    ledger: LedgerUrl = None,
    veil: Annotated[str | None, typer.Option(help="Only models of this veil_id.")] = None,
    retired: Annotated[bool, typer.Option("--retired", help="Retired ones, too.")] = False,
    json_file: JsonFile = None,
) -> None:
    """List models by veil, with their aliases.

    Example: raypp model list --ledger sqlite:///ledger.db
    """
    from raypp.ledger.model_listing import ModelListing, ModelsListing

    with _registry(ledger) as (_, registry):
        models = [each for each in registry.models(veil) if retired or each.retired_us is None]
    veils = dict.fromkeys(each.veil_id for each in models)
    say_all(line for veil_id in veils for line in _veil_lines(veil_id, models))
    if not models:
        say("no models; add one with `raypp model add`")
    write_json(json_file, ModelsListing(models=tuple(map(ModelListing.of, models))))


@model.command("show")
def model_show(
    reference: Reference, ledger: LedgerUrl = None, veil: OneVeil = None, json_file: JsonFile = None
) -> None:
    """Show a model, its evaluations, and its veil's certificate.

    Example: raypp model show live --ledger sqlite:///ledger.db
    """
    from raypp.ledger.model_listing import ModelListing

    with _registry(ledger) as (_, registry):
        shown = registry.model(reference, veil)
        certificate = registry.certificate(shown.veil_id)
    say(f"model         {shown.name}{_aliases(shown)}")
    say(f"model_id      {shown.model_id}")
    say(f"veil          {shown.veil_id}")
    facts = shown.facts
    classes = ", ".join(facts.classes)
    say(f"detector      {facts.architecture}, {facts.size} pixels, {counted(facts.epochs, 'epoch')}: {classes}")
    say(f"bundle        {shown.file}")
    say(f"added         {shown_time(shown.added_us)}")
    if shown.retired_us is not None:
        say(f"retired       {shown_time(shown.retired_us)}")
    for each in shown.evaluations:
        frames = f"{counted(each.samples, 'frame')} of {each.dataset}, dataset {each.dataset_version[:12]}"
        say(f"evaluated     mAP50 {each.map50:.3f}, mAP50-95 {each.map50_95:.3f} on {frames}")
    if certificate:
        say(f"certificate   signed by {certificate.signed_by} at {shown_time(certificate.issued_us)}")
    write_json(json_file, ModelListing.of(shown, certificate))


@model.command("alias")
def model_alias(
    reference: Reference,
    alias: Annotated[str, typer.Argument(help="Such as candidate; live and previous are set by promote and rollback.")],
    ledger: LedgerUrl = None,
    veil: OneVeil = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias away from the model.")] = False,
) -> None:
    """Let an alias stand for a model, in place of the one of its veil that had it.

    Example: raypp model alias tools-v2 candidate --ledger sqlite:///ledger.db
    """
    with _registry(ledger, writes=True) as (_, registry):
        chosen = registry.model(reference, veil)
        (registry.drop_alias if remove else registry.set_alias)(alias, chosen)
    note(f"model {chosen.label} is {'no longer ' if remove else ''}{alias} of veil {chosen.veil_id}")


@model.command("promote")
def model_promote(
    reference: Annotated[str, typer.Argument(help="Its name, an alias, or the begin of its model_id.")] = "candidate",
    ledger: LedgerUrl = None,
    veil: OneVeil = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="LABELS/SPLIT whose evaluations decide (default: all that both models were evaluated on)."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="mAP50 that it may lose against the live model.")] = 0.01,
    override: Annotated[
        str | None, typer.Option(help="Promote although a gate is missing, for this reason, which is written down.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Make a model live, if its gates are met: accuracy, certificate, classes, rules.

    Example: raypp model promote tools-v2 --ledger sqlite:///ledger.db
    """
    from raypp.ledger.model_listing import Promoted
    from raypp.registry.promotion import PromotionRequest, promote_model

    with _registry(ledger, writes=True) as (ledgers, registry):
        chosen = registry.model(reference, veil)
        request = PromotionRequest(chosen, dataset, tolerance, override)
        gates = promote_model(ledgers, registry, request, _say_gate)
    note(f"model {chosen.label} is live for veil {chosen.veil_id}")
    reason = None if all(gate.passed for gate in gates) else override
    write_json(json_file, Promoted(model_id=chosen.model_id, veil_id=chosen.veil_id, gates=gates, override=reason))


@model.command("rollback")
def model_rollback(ledger: LedgerUrl = None, veil: OneVeil = None, json_file: JsonFile = None) -> None:
    """Make the previous model live again.

    Example: raypp model rollback --ledger sqlite:///ledger.db
    """
    from raypp.ledger.model_listing import RolledBack
    from raypp.registry.promotion import roll_back

    with _registry(ledger, writes=True) as (_, registry):
        back, former = roll_back(registry, veil or _only_live_veil(registry))
    note(f"model {back.label} is live again for veil {back.veil_id}, in place of {former.label}")
    write_json(json_file, RolledBack(model_id=back.model_id, former_id=former.model_id, veil_id=back.veil_id))


@model.command("retire")
def model_retire(
    reference: Reference,
    ledger: LedgerUrl = None,
    veil: OneVeil = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete its bundle, too.")] = False,
) -> None:
    """Let a model be promoted no more; what it detected stays. An alias must not stand for it.

    Example: raypp model retire tools-v1 --ledger sqlite:///ledger.db
    """
    with _registry(ledger, writes=True) as (_, registry):
        chosen = registry.model(reference, veil)
        registry.retire(chosen)
    if delete:
        try:
            Path(chosen.file).unlink(missing_ok=True)
        except OSError as error:
            raise OptionError(f"`delete`: {chosen.file}: {error.strerror}; the model is retired, delete it") from None
    note(f"model {chosen.label} is retired" + (", and its bundle is deleted" if delete else ""))


model.command("history")(model_history)
model.command("agreement")(model_agreement)


@contextmanager
def _registry(named: str | None, *, writes: bool = False) -> "Iterator[tuple[Ledgers, ModelRegistry]]":
    """Open the ledgers that a command names, and the registry of their home."""
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.model_registry import ModelRegistry

    with opened_ledgers(named, upgrade=writes) as ledgers:
        yield ledgers, ModelRegistry(ledgers.home.ledger(), command_line_account())


def _only_live_veil(registry: "ModelRegistry") -> str:
    from raypp.ledger.model_values import LIVE

    veils = [each.veil_id for each in registry.models() if LIVE in each.aliases]
    if len(veils) != 1:
        state = f"{counted(len(veils), 'veil')} have a live model" if veils else "no veil has a live model"
        raise OptionError(f"{state}; give the `veil`" if veils else f"{state}; promote one with `raypp model promote`")
    return veils[0]


def _veil_lines(veil_id: str, models: "list[RegisteredModel]") -> Iterator[str]:
    yield f"veil {veil_id}"
    for each in models:
        if each.veil_id == veil_id:
            scores = "".join(f", mAP50 {score.map50:.3f} on {score.dataset}" for score in each.evaluations)
            state = ", retired" if each.retired_us is not None else ""
            yield f"  {each.label}{_aliases(each)}  {each.facts.architecture}{scores}{state}"


def _aliases(shown: "RegisteredModel") -> str:
    return f"  [{', '.join(shown.aliases)}]" if shown.aliases else ""


def _say_gate(gate: "GateOutcome") -> None:
    say(f"{'met' if gate.passed else 'MISSING':<9}{gate.gate}: {gate.words}")
