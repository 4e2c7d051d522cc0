"""The table of commands: what each is for, where it is, and what it needs; each is loaded when it is called."""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer

from raypp.cli.command_entry import CommandEntry, Reader
from raypp.errors import OptionError

_TRAINS, _SERVES, _RECORDS = ("torch", "ultralytics"), ("ray", "torch", "sqlalchemy"), ("sqlalchemy", "alembic")
_NODES = ("ray", "sqlalchemy")
_EXTRAS = {
    "duckdb": "sql",
    "mpyc": "tally",
    "pyseccomp": "toolbox",
    "shamir_mnemonic": "collective",
    "opacus": "collective",
}
"""Extras of the project that bring a package; the others come with `cluster`."""


COMMANDS = {
    "keygen": CommandEntry(
        Reader.OWNER,
        "Make a key file of mode 0600, outside any working tree; an existing key is never overwritten.",
        "raypp.cli.keygen:keygen",
    ),
    "key": CommandEntry(
        Reader.OWNER,
        "Wrap a key file by an HSM, Vault or KMS, or split it among three persons; say whether it opens.",
        "raypp.cli.key:key",
    ),
    "veil": CommandEntry(
        Reader.ENGINEER,
        "Veil videos and images into Parquet shards; run again to finish or extend.",
        "raypp.cli.veil:veil",
        resumes=True,
    ),
    "verify": CommandEntry(
        Reader.ENGINEER,
        "Check every receipt, shard, digest, label and the signature of an archive, or a certificate; needs no key.",
        "raypp.cli.verify:verify",
    ),
    "split": CommandEntry(
        Reader.ENGINEER,
        "Write a label version in which every labelled frame is train or val; needs no veil key.",
        "raypp.cli.split:split",
    ),
    "dataset": CommandEntry(
        Reader.ENGINEER,
        "List, compare and tag the dataset versions of an archive: its shards with a label version.",
        "raypp.cli.datasets:dataset",
    ),
    "sql": CommandEntry(
        Reader.ENGINEER,
        "Query archives, labels, episodes and reports in SQL, by DuckDB; it only reads.",
        "raypp.cli.sql:sql",
        needs=("duckdb",),
    ),
    "inspect": CommandEntry(
        Reader.ENGINEER,
        "Say what a file is and what it holds; of a key, only its fingerprint.",
        "raypp.cli.inspect:inspect",
    ),
    "demo": CommandEntry(
        Reader.ENGINEER,
        "Make a sample archive of a workshop, veil it, verify it, and train a small detector on the veiled frames.",
        "raypp.cli.demo:demo",
    ),
    "train": CommandEntry(
        Reader.ML_TEAM,
        "Train a YOLO detector on veiled frames; needs shards and labels, and no veil key.",
        "raypp.cli.train:train",
        needs=_TRAINS,
        resumes=True,
    ),
    "evaluate": CommandEntry(
        Reader.ML_TEAM,
        "Measure a trained detector on veiled frames: mAP50, mAP50-95, each class, and what it gets wrong.",
        "raypp.cli.evaluate:evaluate",
        needs=_TRAINS,
    ),
    "export": CommandEntry(
        Reader.ML_TEAM,
        "Write a trained detector as one file: weights, classes, veil and scores, and no code.",
        "raypp.cli.export:export",
        needs=_TRAINS,
    ),
    "lineage": CommandEntry(
        Reader.ML_TEAM,
        "Trace a detector down to data, labels, veil, key, fit and certificate; inside, to the videos and images.",
        "raypp.cli.lineage:lineage",
    ),
    "drift": CommandEntry(
        Reader.ML_TEAM,
        "Find cameras that see other things than they were trained on, from codes and detections alone.",
        "raypp.cli.drift:drift",
        needs=("scipy", "sqlalchemy", "alembic"),
    ),
    "show": CommandEntry(
        Reader.OWNER,
        "Draw the plain frames of sample_ids with their labels; needs the key and the sources.",
        "raypp.cli.show:show",
    ),
    "label": CommandEntry(
        Reader.OWNER,
        "Hand labels with their plain frames to COCO, CVAT or Label Studio, inside, and back; mark true uses of tools.",
        "raypp.cli.label:label",
        resumes=True,
    ),
    "ticket": CommandEntry(
        Reader.OWNER,
        "Mend labels by tickets without pixels: the ML team opens them, the owner answers and applies them.",
        "raypp.cli.ticket:ticket",
        resumes=True,
    ),
    "count": CommandEntry(
        Reader.OWNER,
        "Count and measure objects on images, veiled in memory; detection sees codes alone.",
        "raypp.cli.count:count",
    ),
    "fit": CommandEntry(
        Reader.OWNER,
        "Fit a learned veil: an encoder trained with a detector, against adversaries that try to reconstruct images.",
        "raypp.cli.fit:fit",
        needs=_TRAINS,
        resumes=True,
    ),
    "synthesise": CommandEntry(
        Reader.OWNER, "Draw synthetic veiled frames by a generator.", "raypp.cli.synthesise:synthesise", _TRAINS, True
    ),
    "rekey": CommandEntry(
        Reader.OWNER,
        "Put a learned veil under a new key: encoder, detectors and archives, without images and without training.",
        "raypp.cli.rekey:rekey",
        resumes=True,
    ),
    "forget-archive": CommandEntry(
        Reader.OWNER,
        "Take frames out of an archive for good: shards, labels, receipts; order holders of copies to do the same.",
        "raypp.cli.forget_archive:forget_archive",
        resumes=True,
    ),
    "compare": CommandEntry(
        Reader.OWNER,
        "Measure what a veil costs: the same detector on plain and on veiled images, same data, schedule and seeds.",
        "raypp.cli.compare:compare_command",
        needs=_TRAINS,
        resumes=True,
    ),
    "audit": CommandEntry(
        Reader.OWNER,
        "Attack a veil on the owner's own images; write rows, a report with images, and a signed certificate.",
        "raypp.cli.audit:audit",
        needs=("torch",),
        resumes=True,
    ),
    "frontier": CommandEntry(
        Reader.OWNER,
        "Set what veils cost against what they show: rows of `raypp compare` joined with audits by veil_id.",
        "raypp.cli.frontier:frontier",
        needs=("ultralytics", "matplotlib"),
    ),
    "stream": CommandEntry(
        Reader.SITE,
        "Watch, veil and stream cameras to the service; nothing captured is lost while the link is down.",
        "raypp.cli.stream:stream",
        resumes=True,
    ),
    "serve": CommandEntry(
        Reader.OPERATOR,
        "Serve detectors to sites over gRPC, and keep what they find in a ledger.",
        "raypp.cli.serve:serve",
        needs=_SERVES,
    ),
    "cluster": CommandEntry(
        Reader.OPERATOR, "Check every node of a running Ray cluster (doctor).", "raypp.cli.cluster:cluster", _NODES
    ),
    "model": CommandEntry(
        Reader.OPERATOR,
        "Keep models with their evidence; promote one to live, roll it back, say which one counted when.",
        "raypp.cli.model:model",
        needs=_RECORDS,
    ),
    "site": CommandEntry(
        Reader.OPERATOR,
        "Register sites and give them tokens and settings; find cameras; check a site's agent (doctor).",
        "raypp.cli.site:site",
    ),
    "device": CommandEntry(
        Reader.OPERATOR,
        "List the agents of sites and how they are doing; sign configurations for them, and hand them over.",
        "raypp.cli.devices:device",
    ),
    "operator": CommandEntry(
        Reader.OPERATOR,
        "Give operators tokens, which read all sites.",
        "raypp.cli.operators:operator",
        needs=_RECORDS,
    ),
    "report": CommandEntry(
        Reader.OPERATOR,
        "Report which tools a site used, in what order, for how long.",
        "raypp.cli.report_app:report",
        needs=(*_RECORDS, "matplotlib"),
    ),
    "procedure": CommandEntry(
        Reader.OPERATOR,
        "Draw the procedures of a settings file, and say which orders each allows.",
        "raypp.cli.procedure:procedure",
    ),
    "alerts": CommandEntry(
        Reader.OPERATOR,
        "List alerts and dead letters, send a test alert, or send what waits.",
        "raypp.cli.alerts:alerts",
        needs=(*_RECORDS, "aiohttp"),
    ),
    "reaggregate": CommandEntry(
        Reader.OPERATOR,
        "Fold a site's kept frames into episodes anew, with other settings.",
        "raypp.cli.reaggregate:reaggregate",
        needs=_RECORDS,
        resumes=True,
    ),
    "forget": CommandEntry(
        Reader.OPERATOR,
        "Delete a site's frames, episodes and coverage, by camera and time.",
        "raypp.cli.forget:forget",
        needs=_RECORDS,
    ),
    "tally": CommandEntry(
        Reader.OPERATOR,
        "Compare figures with other owners: sums, medians and one's own rank; nobody shows a figure.",
        "raypp.cli.tally:tally",
        needs=("mpyc",),
    ),
    "tool": CommandEntry(
        Reader.OWNER,
        "Let researchers' tools in: packed, approved by two persons, shut in; only vetted output leaves.",
        "raypp.cli.tool:tool",
        needs=(*_RECORDS, "pyseccomp"),
    ),
    "collective": CommandEntry(
        Reader.ML_TEAM,
        "Train one detector with other owners, each under a key of its own; nobody shows an update.",
        "raypp.cli.collective:collective",
        resumes=True,
    ),
    "dpia": CommandEntry(
        Reader.OWNER,
        "Write the facts for a data protection impact assessment, each with its evidence; judgement is left blank.",
        "raypp.cli.dpia:dpia",
        needs=_RECORDS,
    ),
    "retain": CommandEntry(
        Reader.OPERATOR,
        "Forget what archives and ledgers have kept for too long, by one policy.",
        "raypp.cli.retain:retain_by_policy",
        needs=_RECORDS,
        resumes=True,
    ),
    "ledger": CommandEntry(
        Reader.OPERATOR,
        "Check a ledger: nothing missing, nothing twice, and all as its frames fold; back it up.",
        "raypp.cli.ledgers:ledger",
        needs=_RECORDS,
    ),
    "bench": CommandEntry(
        Reader.OPERATOR,
        "Measure this machine for `raypp capacity`: rates, bytes and memory, in about two minutes.",
        "raypp.cli.bench:bench",
    ),
    "capacity": CommandEntry(
        Reader.OPERATOR,
        "Plan cores, machines, bytes and money for many sites, from rates of `raypp bench`.",
        "raypp.cli.capacity:capacity",
    ),
    "audit-log": CommandEntry(
        Reader.OPERATOR, "Print who read and changed what.", "raypp.cli.audit_log:audit_log", needs=_RECORDS
    ),
}


def stopped_words(name: str | None) -> str:
    """Word that a command was stopped, and what the same command does then."""
    entry = COMMANDS.get(name or "")
    if entry is None:
        return "stopped"
    then = "run the same command again to go on where it stopped" if entry.resumes else "the same command begins anew"
    return f"stopped; {then}"


def load_command(name: str) -> Any:
    """Load a command of the table, as what parses its options.

    Its options are there in any installation; its work raises OptionError where a package is missing.
    """
    entry = COMMANDS[name]
    module, _, attribute = entry.target.partition(":")
    command = getattr(import_module(module), attribute)
    if not isinstance(command, typer.Typer):
        single = typer.Typer(
            pretty_exceptions_enable=False,
            add_completion=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        single.command(name)(command)
        command = single
    loaded = typer.main.get_command(command)
    loaded.name = name
    if entry.needs:
        for part in getattr(loaded, "commands", {"": loaded}).values():
            part.callback = _needing(entry.needs, part.callback, name)
    return loaded


def _needing(modules: tuple[str, ...], command: Callable[..., None], name: str) -> Callable[..., None]:
    """Return a command that names what this installation lacks for it, when it is called."""

    @wraps(command)
    def call(*arguments: Any, **options: Any) -> None:
        require_packages(modules, name)
        command(*arguments, **options)

    return call


def require_packages(modules: tuple[str, ...], name: str) -> None:
    """Raise OptionError naming the packages that this installation lacks for a command."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        extras = ",".join(sorted({_EXTRAS.get(module, "cluster") for module in missing}))
        raise OptionError(f"{name} needs {', '.join(missing)}; install raypp[{extras}]")
