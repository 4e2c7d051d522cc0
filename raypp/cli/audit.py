"""The `raypp audit` command."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.audit.core.adversary_name import AdversaryName
from raypp.audit.core.budget import Budget
from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.execution import execution_of
from raypp.cli.json_file import write_json
from raypp.cli.options import Here, JsonFile, OwnersKey, RayAddress, RunsOn, SquareSize
from raypp.errors import OptionError
from raypp.execution import On
from raypp.io.filesystem import is_url


def audit(
    sources: Annotated[list[str], typer.Argument(help="The owner's own footage, as for `raypp veil`.")],
    out: Annotated[Path, typer.Option(help="Folder of rows, report and certificate; it stays inside.")],
    key: OwnersKey = None,
    spec: Annotated[
        Path | None,
        typer.Option(help="Veil spec (JSON) or encoder file (default: the default veil)."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Detector on codes of this veil: a bundle or a run's detector folder.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="What the veil was fitted from: public weights (.pt), or a warm start.")
    ] = None,
    members: Annotated[
        str | None,
        typer.Option(
            help="Dataset with what the detector learnt from in train, others in val (default: among SOURCES)."
        ),
    ] = None,
    size: SquareSize = 640,
    budget: Annotated[
        Budget, typer.Option(help="quick: three minutes; standard: three hours; full: many hours, of a core.")
    ] = Budget.STANDARD,
    adversary: Annotated[
        list[AdversaryName] | None,
        typer.Option(help="Whose attacks to make, ciphertext-only with an insider's; repeat. (default: all)"),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            "--homeomorphic", help="Also attack a learned encoder's values under a smooth keyed map of so many layers."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is attacked, and of the attackers' chances.", min=0)] = 0,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    cpus: Annotated[float | None, typer.Option(help="CPUs of each attack on Ray (default: 1).", min=0.1)] = None,
    here: Here = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Attack a veil on the owner's own images; write rows, a report with images, and a signed certificate.

    Every attack leaves a JSON row under OUT/rows; run again, and only what is missing is done. OUT/public is
    what may be handed out; all else in OUT may show plain images.

    Example: raypp audit /data/videos --key owner.key --out audit --budget quick

    Example: raypp audit videos.csv --key owner.key --spec fitted/encoder.veil --out audit --budget full

    Example: raypp audit videos.csv --key owner.key --spec fitted/encoder.veil --out audit --adversary ciphertext-only
    """
    from raypp.detect.latent_map import check_map
    from raypp.shards.place import refuse_within_archive
    from raypp.train.options import check_size, check_weights
    from raypp.veil.encoder_file import spec_and_encoder
    from raypp.veil.keyfile import resolve_key_place

    execution = execution_of(on, address, cpus=cpus, here=here)
    refuse_within_archive(out, "plain images")
    check_size(size)
    veil, encoder = spec_and_encoder(spec)
    if model is not None and not model.exists():
        raise OptionError(f"--model {model} is not there; give a file that is")
    check_weights(weights)
    if layers is not None:
        check_map(layers, veil)
    key_path = resolve_key_place(key).absolute()
    console = error_console()
    say(console, ["opening       attacks and images: ten seconds, or more where much runs"])
    from raypp.audit.run import audit_plan_lines, audit_summary_lines, run_audit
    from raypp.audit.settings import AuditSettings

    settings = AuditSettings(
        sources=tuple(source if is_url(source) else str(Path(source).absolute()) for source in sources),
        out=out.absolute(),
        key_path=key_path,
        spec=veil,
        encoder=encoder,
        model=model.absolute() if model else None,
        weights=weights.absolute() if weights else None,
        members=str(Path(members).absolute()) if members and not is_url(members) else members,
        size=size,
        budget=budget,
        adversaries=tuple(adversary or ()),
        seed=seed,
        layers=layers,
    )
    if dry_run:
        say(console, audit_plan_lines(settings))
        return

    summary = run_audit(settings, execution, ConsoleProgress(console))
    say(console, audit_summary_lines(summary))
    write_json(json_file, summary)
