"""The `raypp` command."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from raypp import __version__
from raypp.cli.audit import make_audit_command
from raypp.cli.compare import make_compare_command
from raypp.cli.console import ConsoleProgress, error_console
from raypp.cli.evaluate import make_evaluate_command
from raypp.cli.export import export
from raypp.cli.fit import make_fit_command
from raypp.cli.flags import with_flags
from raypp.cli.frontier import frontier
from raypp.cli.inspect import describe, field_table
from raypp.cli.json_file import json_option, write_json
from raypp.cli.options import DataKeyFile
from raypp.cli.show import show
from raypp.cli.split import split
from raypp.cli.train import make_train_command
from raypp.cli.veil import ClusterOptions, make_command
from raypp.cli.verify import make_verify_command
from raypp.demo.run import DemoOptions, run_demo
from raypp.errors import OptionError, RayppError
from raypp.ingest.attempts import Attempt
from raypp.ingest.job import veil_here
from raypp.ingest.segment import Segment
from raypp.ingest.settings import VeilSettings
from raypp.shards.encryption import DataKey
from raypp.text.printable import printable
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.envelope import new_passphrase
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import default_key_path, load_owner_key, resolve_key_path, save_owner_key, save_site_key

EXIT_ERROR = 1
_EXIT_INTERRUPTED = 130
_STOPPED = "raypp: stopped; run the same command again to go on where it stopped"


@dataclass(frozen=True)
class _Deferred:
    """A command that is loaded when it is called: its options themselves need what is not there on every machine."""

    summary: str
    needs: tuple[str, ...]


_TRAINS, _SERVES, _RECORDS = ("torch", "ultralytics"), ("ray", "torch", "sqlalchemy"), ("sqlalchemy", "alembic")
_ON_CLUSTER: dict[str, tuple[Callable[..., Callable[..., None]], tuple[str, ...]]] = {
    "train": (make_train_command, _TRAINS),
    "evaluate": (make_evaluate_command, _TRAINS),
    "fit": (make_fit_command, _TRAINS),
    "compare": (make_compare_command, _TRAINS),
    "audit": (make_audit_command, ("torch",)),
}
"""Commands whose options are said at once, and whose work, on Ray or here, is loaded when it begins; what it needs."""
_DEFERRED = {
    "serve": _Deferred("Serve detectors to sites over gRPC, and keep what they find in a ledger.", _SERVES),
    "site": _Deferred("Register sites and give them tokens and settings; check a site's agent (doctor).", ()),
    "operator": _Deferred("Give operators tokens, which read all sites.", _RECORDS),
    "stream": _Deferred("Watch, veil and stream cameras to the service; nothing captured is lost.", ()),
    "report": _Deferred("Report which tools a site used, in what order, for how long.", (*_RECORDS, "matplotlib")),
    "reaggregate": _Deferred("Fold a site's kept frames into episodes anew, with other settings.", _RECORDS),
    "forget": _Deferred("Delete a site's frames, episodes and coverage, by camera and time.", _RECORDS),
    "audit-log": _Deferred("Print who read and changed what.", _RECORDS),
}


def build() -> typer.Typer:
    """Build the command line, with what this installation has."""
    app = typer.Typer(
        name="raypp",
        help="Privacy-preserving computer vision: veil video, train and serve detectors on the veil.",
        pretty_exceptions_enable=False,  # tracebacks with locals could show a key
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    app.command()(keygen)
    app.command()(inspect)
    app.command("veil")(make_command(_on_cluster("veil")))
    app.command()(split)
    app.command("verify")(make_verify_command(_on_cluster("verify")))
    app.command()(show)
    for name, (make, needs) in _ON_CLUSTER.items():
        app.command(name)(_needing(needs, make(_on_cluster(name)), name))
    app.command("export")(_needing(_TRAINS, export, "export"))
    app.command("frontier")(_needing(("ultralytics", "matplotlib"), frontier, "frontier"))
    for name, command in _DEFERRED.items():
        deferred = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
        app.command(name, help=command.summary, context_settings=deferred)(_deferred(name, command))
    app.command()(demo)
    return app


def main() -> None:
    """Entry point of the `raypp` command."""
    _guard(build())


def run_command(command: Callable[..., None], before: Callable[[], None] | None = None) -> None:
    """Run one command as a program of its own, such as a submitted job."""
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(command)
    _guard(app, before)


def keygen(
    out: Annotated[
        Path | None, typer.Option(help="Where to write the key (default: ~/.config/raypp/owner.key).")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Wrap the key by the passphrase in this file (scrypt, AES-256-GCM).")
    ] = None,
    next_epoch: Annotated[
        Path | None,
        typer.Option(help="Next epoch of this owner's key, after a site's key was lost."),
    ] = None,
    site: Annotated[str | None, typer.Option(help="Derive a site's key from the owner's: name of the site.")] = None,
    camera: Annotated[list[str] | None, typer.Option(help="Camera that the site's key may veil; repeat.")] = None,
    key: Annotated[Path | None, typer.Option(help="Owner's key to derive from (default: RAYPP_KEY_FILE).")] = None,
    spec: Annotated[
        Path | None, typer.Option(help="Veil spec, or encoder file, of the site's key (default: the default spec).")
    ] = None,
    data: Annotated[bool, typer.Option("--data", help="Make a data key for Parquet encryption instead.")] = False,
) -> None:
    """Make a key file of mode 0600, outside any working tree; an existing key is never overwritten.

    Example: raypp keygen

    Example: raypp keygen --site plant-1 --camera gate --camera bench --out ~/plant-1.key
    """
    console = error_console()
    passphrase = new_passphrase(passphrase_file) if passphrase_file else None
    if data:
        if out is None:
            raise OptionError("--data needs --out, the place of the data key")
        DataKey.generate().save(out)
        console.print(f"data key {out}: give it to those who may read the shards", highlight=False, markup=False)
        return
    if site is not None:
        if out is None or not camera:
            raise OptionError(f"--site {site} needs --out and at least one --camera")
        owner = load_owner_key(resolve_key_path(key))
        site_key = SiteKey.derive_from(owner, spec_and_encoder(spec)[0], site, camera)
        save_site_key(site_key, out, passphrase)
        console.print(f"site key {out}: {site}, cameras {', '.join(site_key.cameras)}", highlight=False, markup=False)
        return
    path = out or default_key_path()
    made = load_owner_key(next_epoch).next_epoch() if next_epoch else VeilKey.generate()
    save_owner_key(made, path, passphrase)
    console.print(f"veil key {path}: fingerprint {made.fingerprint}, epoch {made.epoch}", highlight=False, markup=False)
    console.print(
        "Back it up where only its owner can read it: without it nothing new can be veiled for a detector that was "
        "trained on this veil, and sources cannot be matched again."
    )
    if next_epoch:
        console.print(
            "It helps where a site's key or edge box was lost: such a key opens no other epoch. Where the owner's key "
            "file itself was lost it does not, for whoever has that file derives every epoch: run `raypp keygen` anew."
        )


def inspect(
    path: Annotated[
        Path | None, typer.Argument(help="A spec, key, shard, manifest, label table, detector bundle or archive.")
    ] = None,
    fields: Annotated[
        bool, typer.Option("--fields", help="Print the fields of a veil spec with their ranges.")
    ] = False,
    data_key: DataKeyFile = None,
) -> None:
    """Say what a file is and what it holds; of a key, only its fingerprint.

    Example: raypp inspect veiled
    """
    console = Console()
    if fields:
        console.print(field_table())
    elif path is None:
        raise OptionError("inspect needs the path of a spec, key, shard, manifest, label table, bundle or archive")
    else:
        for name, value in describe(path, DataKey.load(data_key) if data_key else None).items():
            console.print(f"{name:<16}{printable(value)}", highlight=False, markup=False, soft_wrap=True)


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("demo-out"),
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
    seconds: Annotated[float, typer.Option(help="Length of each video.", min=10)] = 30.0,
    json_file: Annotated[Path | None, json_option("the veil job's summary")] = None,
) -> None:
    """Make a sample archive of a workshop, veil it, verify it, and train a small detector on the veiled frames.

    Example: raypp demo --out demo-out
    """
    cluster = _on_cluster("veil")

    def execute(segments: Sequence[Segment], settings: VeilSettings) -> Iterator[Attempt]:
        return cluster(segments, settings, ClusterOptions()) if cluster else veil_here(segments, settings)

    attack, train = (_on_cluster(work) if find_spec("ultralytics") else None for work in ("audit", "train"))
    trainer = (lambda *asked: train(*asked, None)) if train else None
    summary = run_demo(DemoOptions(out, seed, seconds), execute, attack, trainer, ConsoleProgress())
    write_json(json_file, summary)


def _print_version(asked: bool) -> None:
    if asked:
        Console().print(__version__, highlight=False)
        raise typer.Exit


def _root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _on_cluster(work: str) -> Callable[..., Any] | None:
    """What does some work on Ray, if Ray is installed; found by entry point, since the domain never imports Ray."""
    if find_spec("ray") is None:
        return None

    def execute(*args: Any) -> Any:
        found = list(entry_points(group="raypp.executors", name=work))
        if not found:
            raise RayppError(f"this installation of raypp does not name what runs {work} on Ray; install raypp again")
        return found[0].load()(*args)

    return execute


def _needing(modules: tuple[str, ...], command: Callable[..., None], name: str) -> Callable[..., None]:
    """A command that names what this installation lacks for it, when it is called."""

    @wraps(command)
    def call(*args: Any, **options: Any) -> None:
        _require(modules, name)
        command(*args, **options)

    return call


def _require(modules: tuple[str, ...], name: str) -> None:
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise OptionError(f"{name} needs {', '.join(missing)}; install raypp[cluster]")


def _deferred(name: str, command: _Deferred) -> Callable[..., None]:
    """A command, or a group of them, that is loaded with its options and help when it is called."""

    def call(context: typer.Context) -> None:
        _require(command.needs, name)
        (found,) = entry_points(group="raypp.commands", name=name)
        app = found.load()
        if not isinstance(app, typer.Typer):
            helped = {"help_option_names": ["-h", "--help"]}
            single = typer.Typer(pretty_exceptions_enable=False, add_completion=False, context_settings=helped)
            single.command(name)(app)
            app = single
        app(context.args, prog_name=f"raypp {name}")

    return call


def _guard(app: typer.Typer, before: Callable[[], None] | None = None) -> None:
    """Run an app so that an error of ours is one line and a non-zero status, and never a traceback."""
    console = error_console()
    try:
        if before:
            before()
        app()
    except RayppError as error:
        console.print(with_flags(f"raypp: {error}"), highlight=False, markup=False)
        sys.exit(EXIT_ERROR)
    except KeyboardInterrupt:
        console.print(_STOPPED)
        sys.exit(_EXIT_INTERRUPTED)
    except SystemExit as end:
        if end.code == _EXIT_INTERRUPTED:  # typer's own answer to Ctrl-C within a command, without a word
            console.print(_STOPPED)
        raise
