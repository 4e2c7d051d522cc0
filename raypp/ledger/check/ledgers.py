"""Several ledgers checked as one."""

from raypp.ledger.check.ledger import LedgerChecked, check_ledger
from raypp.ledger.ledgers import Ledgers
from raypp.progress import SILENT, Progress


def check_ledgers(ledgers: Ledgers, since_us: int | None = None, progress: Progress = SILENT) -> LedgerChecked:
    """Check ledgers one after the other, see `check_ledger`; and that no site is in two of them.

    Of several, one that cannot be checked is a problem, and the others are checked.

    Raises:
        LedgerError: what is wrong with the only one.
        LedgerUnavailableError: if none answers.
    """
    checks, failed = ledgers.each(lambda ledger: check_ledger(ledger, None, since_us, progress))
    done = list(checks.values())
    problems = [f"{name}: {problem}" for name, checked in checks.items() for problem in checked.problems]
    problems += [f"{name} could not be checked: {trouble}" for name, trouble in failed.items()]
    twice = ledgers.site_list().twice
    problems += [f"site {site} is in two ledgers, and is served from neither" for site in twice]
    schemas = sorted({checked.schema_version for checked in done})
    return LedgerChecked(
        ledger=", ".join(checked.ledger for checked in done),
        schema_version=", ".join(schemas),
        site=None,
        since_us=since_us,
        cameras=tuple(row for checked in done for row in checked.cameras),
        problems=tuple(problems),
    )
