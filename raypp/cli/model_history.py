"""The `raypp model history` command: which model was live, and which one counted at a camera."""

from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, opened_ledgers, say
from raypp.cli.options import JsonFile
from raypp.errors import OptionError
from raypp.ledger.times import parse_time, shown_time

if TYPE_CHECKING:
    from raypp.ledger.ledgers import Ledgers


def model_history(
    ledger: LedgerUrl = None,
    at: Annotated[
        str | None, typer.Option(help="Say what counted at this time; ISO, UTC without offset (default: promotions).")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Only this site; with --at.")] = None,
    stream: Annotated[str | None, typer.Option(help="Only this camera, SITE/CAMERA; with --at.")] = None,
    veil: Annotated[str | None, typer.Option(help="Only promotions and rollbacks of this veil_id.")] = None,
    limit: Annotated[int, typer.Option(help="Promotions and rollbacks at most, the latest.", min=1)] = 100,
    json_file: JsonFile = None,
) -> None:
    """List promotions and rollbacks, or with --at say which model, rules and veil counted at cameras. Times are UTC.

    Example: raypp model history --ledger sqlite:///ledger.db

    Example: raypp model history --at 2026-11-02T10:00 --site plant-1 --ledger sqlite:///ledger.db
    """
    if at is None and (site or stream):
        raise OptionError("--site and --stream go with --at; give a time, such as 2026-11-02T10:00")
    if site and stream:
        raise OptionError("--site and --stream both name a site; give one of them")
    if at is not None and veil:
        raise OptionError("--veil is for promotions, and --at for a moment; give one of them")
    with opened_ledgers(ledger) as opened:
        if at is None:
            _say_deployments(opened, veil, limit, json_file)
        else:
            _say_counted(opened, parse_time(at, "--at"), stream or site, json_file)


def _say_deployments(ledgers: "Ledgers", veil: str | None, limit: int, json_file: JsonFile) -> None:
    from raypp.ledger.model_listing import DeploymentListing
    from raypp.ledger.model_registry import ModelRegistry

    registry = ModelRegistry(ledgers.home.ledger())
    deployments = registry.deployments(veil, limit)
    labels = {each.model_id: each.label for each in registry.models()}
    for each in deployments:
        instead = f" in place of {labels[each.former_id]}" if each.former_id else ""
        why = f", override: {each.override}" if each.override else ""
        say(
            f"{shown_time(each.at_us)}  veil {each.veil_id}  {each.action} {labels[each.model_id]}{instead}, "
            f"{each.who}{why}"
        )
    if not deployments:
        say("no model was promoted yet")
    write_json(json_file, DeploymentListing(deployments=deployments))


def _say_counted(ledgers: "Ledgers", at_us: int, where: str | None, json_file: JsonFile) -> None:
    from raypp.ledger.model_history import models_at
    from raypp.ledger.model_listing import CountedListing
    from raypp.ledger.model_registry import ModelRegistry

    site, _, camera = where.partition("/") if where else ("", "", "")
    if where and "/" in where and not camera:
        raise OptionError(f"--stream {where!r} names no camera; write SITE/CAMERA")
    counted = models_at(ledgers, at_us, site or None, camera or None)
    labels = {each.model_id: each.label for each in ModelRegistry(ledgers.home.ledger()).models()}
    for each in counted:
        rules = f"rules {each.settings_id[:12]}"
        rules += f" (version {each.rules_version}, in force now)" if each.rules_version is not None else ""
        late = "" if each.last_us >= at_us else f", last frame {shown_time(each.last_us)}"
        model = labels.get(each.model_id, each.model_id[:12])
        say(f"{each.site}/{each.camera}  model {model}, {rules}, veil {each.veil_id}{late}")
    if not counted:
        say(f"no frame of {where or 'any site'} is kept of {shown_time(at_us)} or before")
    write_json(json_file, CountedListing(at_us=at_us, cameras=counted))
