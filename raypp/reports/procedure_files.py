"""A procedure of a settings file as a file: an image, or BPMN; with what was done, where a ledger knows."""

from dataclasses import dataclass
from pathlib import Path

from raypp.errors import OptionError
from raypp.io.atomic import write_bytes
from raypp.ledger.store import Ledger
from raypp.procedure.bpmn import bpmn_of
from raypp.reports.executions import read_executions
from raypp.reports.procedure_image import StepCounts, draw_procedure
from raypp.text.wording import counted
from raypp.usage.procedure_rules import ProcedureRules, steps_of
from raypp.usage.settings import SiteSettings

_BPMN, _IMAGES = ".bpmn", (".png", ".svg")


@dataclass(frozen=True)
class ExecutionRange:
    """Executions of a site that began in a range, as for `read_executions`."""

    site: str
    from_text: str | None = None
    to_text: str | None = None


def save_procedure(
    settings: SiteSettings,
    name: str | None,
    out: Path,
    ledger: Ledger | None = None,
    executions: ExecutionRange | None = None,
) -> str:
    """Draw one procedure of a site's settings into a file.

    Args:
        settings: with the procedure.
        name: of the procedure; None for the only one.
        out: the file; .png, .svg or .bpmn.
        ledger: to count executions in, or None.
        executions: which of them, where there is a ledger.

    Returns:
        What was written, in a line.

    Raises:
        OptionError: for a name that no procedure has, a file of another kind, or one that cannot be written; or if the
            ledger's site has another procedure of that name.
    """
    rules = _chosen(settings, name)
    kind = out.suffix.lower()
    if kind != _BPMN and kind not in _IMAGES:
        raise OptionError(f"`out` {out} must end in .png, .svg or .bpmn; name it so")
    counts = None if ledger is None or executions is None else _counted(rules, ledger, executions)
    if kind == _BPMN and counts is not None:
        raise OptionError("BPMN holds what is prescribed, and nothing of executions; leave out `site`, or draw .png")
    content = bpmn_of(rules) if kind == _BPMN else draw_procedure(rules, kind[1:], counts)
    try:
        write_bytes(out, content)
    except OSError as error:
        raise OptionError(f"`out` {out}: {error.strerror or error}; name a file that you may write") from None
    line = f"wrote {out}: {rules.name}, {counted(len(list(steps_of(rules.steps))), 'step')}"
    return line if counts is None else f"{line}, {counted(counts.executions, 'execution')}"


def _chosen(settings: SiteSettings, name: str | None) -> ProcedureRules:
    known = {rules.name: rules for rules in settings.procedures}
    if not known:
        raise OptionError("the settings have no procedures; add `procedures`, as docs/reference/procedures.md shows")
    if name is None and len(known) > 1:
        raise OptionError(f"the settings have {len(known)} procedures; name one: {', '.join(known)}")
    if name is not None and name not in known:
        raise OptionError(f"{name} is no procedure of the settings; there are: {', '.join(known)}")
    return known[name] if name is not None else next(iter(known.values()))


def _counted(rules: ProcedureRules, ledger: Ledger, executions: ExecutionRange) -> StepCounts:
    counted_in = read_executions(ledger, executions.site, executions.from_text, executions.to_text)
    if rules not in counted_in.settings.procedures:
        raise OptionError(
            f"the ledger's site {executions.site} has no procedure {rules.name} like that of the file; give the file "
            "that it was configured with, or leave out `site`"
        )
    return StepCounts.of(counted_in.report(), rules.name)
