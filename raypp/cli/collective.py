"""The `raypp collective` commands: owners with different keys train one trunk and head, and nobody shows an update."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.execution import execution_of
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.options import (
    ArchiveUrl,
    DataKeyFile,
    JsonFile,
    LabelsVersion,
    MixedPrecision,
    OwnersKey,
    RayAddress,
    RunsOn,
)
from raypp.execution import On

if TYPE_CHECKING:
    from raypp.collective.join import SharedPart
    from raypp.collective.plan import CollectivePlan

collective = command_group("Train one detector with other owners, each under a key of its own; nobody shows an update.")

_Plan = Annotated[Path, typer.Argument(help="The plan, such as collective.yaml; every site has the same.")]
_LATEST = 10
_NEEDS = ("torch", "ultralytics", "shamir_mnemonic")


@collective.command("accept")
def collective_accept(
    plan: _Plan,
    site: Annotated[str, typer.Option("--as", help="Name of the site in the plan.")],
    key: OwnersKey = None,
    out: Annotated[
        Path | None, typer.Option(help="New file that goes to the site's training machine (default: SITE.member).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and accept nothing.")] = False,
) -> None:
    """Accept a plan as a site's owner: by its digest, so that any change needs a new acceptance.

    Example: raypp collective accept collective.yaml --as plant-1 --key owner.key --dry-run

    Example: raypp collective accept collective.yaml --as plant-1 --key owner.key --out ~/plant-1.member
    """
    from raypp.collective.membership import SiteMember
    from raypp.collective.plan import load_collective_plan
    from raypp.veil.keyfile import load_owner_key, resolve_key_place

    loaded = load_collective_plan(plan)
    say(error_console(), _plan_lines(loaded))
    if dry_run:
        return
    membership = SiteMember.accept(loaded, site, load_owner_key(resolve_key_place(key)))
    path = out or Path(f"{site}.member")
    membership.write(path)
    say(error_console(), [f"accepted      by {membership.acceptance.fingerprint}: {path} goes to the training machine"])


@collective.command("open")
def collective_open(
    plan: _Plan,
    out: Annotated[Path, typer.Option(help="Folder of the coordinator; run again with it to go on after a stop.")],
    host: Annotated[
        str, typer.Option(help="Interface; other than loopback, it needs --certificate or --front-secret-file.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of gRPC.")] = 9460,
    certificate: Annotated[Path | None, typer.Option(help="PEM certificate, for TLS without a front.")] = None,
    certificate_key: Annotated[Path | None, typer.Option(help="PEM key of --certificate.")] = None,
    front_secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret that the TLS front adds; without, calls need none.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and show the plan, and open nothing.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Coordinate a training: OUT/tokens has a token for each site, and sums are all that is ever opened.

    Example: raypp collective open collective.yaml --out ~/coordinator --dry-run

    Example: raypp collective open collective.yaml --out ~/coordinator
    """
    from raypp.cli.commands import require_packages

    require_packages(_NEEDS, "collective open")
    from raypp.collective.listening import CoordinatorAddress
    from raypp.collective.open import open_training
    from raypp.collective.plan import load_collective_plan

    loaded = load_collective_plan(plan)
    address = CoordinatorAddress(
        host=host,
        port=port,
        certificate=certificate,
        certificate_key=certificate_key,
        front_secret_file=front_secret_file,
    )
    console = error_console()
    say(console, _plan_lines(loaded))
    if dry_run:
        address.check()
        return
    state = open_training(loaded, out.absolute(), address, ConsoleProgress(console))
    say(console, [f"finished      {state.plan.rounds} rounds; the weights have digest {state.model[:12]}"])
    write_json(json_file, state.model_copy(update={"tokens": {}}))


@collective.command("join")
def collective_join(
    server: Annotated[str, typer.Argument(metavar="ADDRESS", help="The coordinator, HOST:PORT.")],
    archive: ArchiveUrl,
    plan: Annotated[Path, typer.Option(help="The plan that the owner has accepted.")],
    member: Annotated[Path, typer.Option(help="File of `raypp collective accept`.")],
    out: Annotated[Path, typer.Option(help="Folder of the site; run again with it to go on after a stop.")],
    token_file: Annotated[Path | None, typer.Option(help="File with the site's token.  [required]")] = None,
    site: Annotated[str | None, typer.Option("--as", help="Name of the site (default: as in --member).")] = None,
    labels: LabelsVersion = None,
    weights: Annotated[Path | None, typer.Option(help="The plan's public weights, if it has some.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS, trusting the system's certificates.")] = False,
    ca: Annotated[Path | None, typer.Option(help="Speak TLS, trusting this CA.")] = None,
    server_name: Annotated[str | None, typer.Option(help="Name in the coordinator's certificate.")] = None,
    budget: Annotated[
        Path | None,
        typer.Option(help="File of what the data have spent of privacy (default: beside the owner's key)."),
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds that the coordinator may be out of reach.")] = 600.0,
    workers: Annotated[int, typer.Option(help="Workers that train together.")] = 1,
    amp: MixedPrecision = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Train on a GPU a worker.")] = False,
    data_key: DataKeyFile = None,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check archive and plan, and show what would be shared; calls nobody.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Take part in a training: trains on the archive each round, and shares masked sums of trunk and head alone.

    Example: raypp collective join localhost:9460 veiled --plan collective.yaml --member ~/plant-1.member --out run
    --dry-run

    Example: raypp collective join localhost:9460 veiled --plan collective.yaml --member ~/plant-1.member --out run
    --token-file ~/plant-1.token
    """
    from raypp.cli.commands import require_packages

    require_packages(_NEEDS, "collective join")
    from raypp.collective.join import describe_shared, join_training, prepared_training
    from raypp.collective.membership import SiteMember
    from raypp.collective.plan import load_collective_plan
    from raypp.collective.settings import JoinSettings
    from raypp.edge.uplink.connection import ServiceConnection
    from raypp.errors import OptionError

    membership, loaded = SiteMember.read(member), load_collective_plan(plan)
    if site not in {None, membership.site}:
        raise OptionError(f"--as {site}: the owner has accepted for {membership.site}; give the file for {site}")
    settings = JoinSettings(
        archive=archive,
        out=out,
        labels_version=labels,
        weights=weights,
        workers=workers,
        gpu=gpu,
        amp=amp,
        data_key_path=data_key,
        execution=execution_of(on, address),
        budget=budget,
    )
    console = error_console()
    if dry_run:
        part = describe_shared(prepared_training(loaded, membership, settings), membership)
        say(console, _shared_lines(part))
        write_json(json_file, part)
        return
    if token_file is None:
        raise OptionError("`token_file` is missing; give the file that the coordinator made for this site")
    connection = ServiceConnection(
        server=server, token_path=token_file, tls=tls or ca is not None, ca_path=ca, server_name=server_name
    )
    summary = join_training(loaded, membership, connection, settings, wait, ConsoleProgress(console))
    write_json(json_file, summary)


@collective.command("status")
def collective_status(
    folder: Annotated[Path, typer.Argument(help="Folder of `raypp collective open` or `join`.")],
    json_file: JsonFile = None,
) -> None:
    """Say where a training is, and what happened in its latest rounds.

    Example: raypp collective status ~/coordinator
    """
    from raypp.collective.spending import spent_line
    from raypp.collective.status import read_status

    status = read_status(folder)
    console = error_console()
    who = status.site or "the coordinator"
    state = "finished" if status.finished else "not finished"
    lines = [
        f"plan          {status.name}, digest {status.plan}",
        f"{'site' if status.site else 'place':<14}{who}",
        f"rounds        {status.opened} of {status.rounds} opened, {state}",
    ]
    if status.privacy is not None:
        lines.append(f"privacy       {spent_line(status.privacy)}")
    for event in status.events[-_LATEST:]:
        sites = f" ({', '.join(event.sites)})" if event.sites else ""
        lines.append(f"{event.at}  round {event.round}, attempt {event.attempt}: {event.event}{sites}")
    say(console, lines)
    write_json(json_file, status)


def _plan_lines(plan: "CollectivePlan") -> Iterator[str]:
    yield f"plan          {plan.name}, digest {plan.digest}"
    for name, fingerprint in plan.sites.items():
        yield f"site          {name}, key {fingerprint}"
    yield f"shared        {' and '.join(plan.summed)} of {plan.architecture}; never an adapter, codes or statistics"
    yield f"rounds        {plan.rounds} of {plan.epochs} epochs; a sum takes {plan.needed} of {len(plan.sites)} sites"
    if plan.dp is not None:
        from raypp.collective.spending import describe_privacy

        yield from describe_privacy(plan.dp, plan.rounds)
    for line in plan.warnings():
        yield f"warning       {line}"


def _shared_lines(part: "SharedPart") -> Iterator[str]:
    from raypp.text.wording import byte_size

    yield f"plan          digest {part.plan}"
    yield f"shared        {part.weights:,} weights of {' and '.join(part.layers)}, in masked sums alone"
    yield f"kept          {part.kept_weights:,} weights, all statistics, and the number of {part.frames} frames"
    if part.privacy is not None:
        from raypp.collective.spending import spent_line

        units = "" if part.units is None else f"; the archive has {part.units} units"
        yield f"privacy       {spent_line(part.privacy)}{units}"
    up, down = byte_size(part.round_bytes_up), byte_size(part.round_bytes_down)
    yield f"each round    {up} up, {down} down; {part.rounds} rounds"
    for line in part.warnings:
        yield f"warning       {line}"
