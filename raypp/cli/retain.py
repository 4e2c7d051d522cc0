"""The `raypp retain` command."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import ConsoleProgress
from raypp.cli.execution import execution_of
from raypp.cli.exit_codes import ExitCode, end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.ledger import note, say
from raypp.cli.options import JsonFile, RayAddress, RunsOn
from raypp.execution import On
from raypp.text.wording import counted


def retain_by_policy(
    policy: Annotated[Path, typer.Argument(help="The policy, such as retention.yaml.")],
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be forgotten, and change nothing.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Carry out a retention policy on archives and ledgers; one rule that fails keeps no other from it.

    The exit status is 1 where a rule failed, such as one that would forget what a tag pins, and 3 where something
    older is left.

    Example: raypp retain retention.yaml --dry-run
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.times import shown_time
    from raypp.retention.policy import load_policy
    from raypp.retention.run import carry_out

    rules, execution = load_policy(policy), execution_of(on, address)
    report = carry_out(rules, command_line_account(), execution, ConsoleProgress(), dry_run=dry_run)
    for rule in report.rules:
        verb = "forgot" if rule.action == "forget" and not dry_run else "would forget"
        edge = "" if rule.before_us is None else f", before {shown_time(rule.before_us)}"
        outcome = "FAILED" if rule.failed else f"{verb} {counted(rule.frames, 'frame')}"
        say(f"{rule.number}  {rule.kind} {rule.place}, older than {rule.age}{edge}: {outcome}")
        for line in (*rule.left, *([rule.failed] if rule.failed else [])):
            note(f"rule {rule.number}: {line}")
    write_json(json_file, report)
    if any(rule.failed for rule in report.rules):
        raise typer.Exit(ExitCode.FAILED)
    end_with_attention(any(rule.left for rule in report.rules))
