"""Several ledgers checked as one."""

from raypp.ledger.check.ledger import LedgerChecked, check_ledger
from raypp.ledger.ledgers import Ledgers
from raypp.progress import SILENT, Progress


def check_ledgers(ledgers: Ledgers, since_us: int | None = None, progress: Progress = SILENT) -> LedgerChecked:
    """Check ledgers one after the other, see `check_ledger`; and that no site is in two of them.

    Raises:
        LedgerUnavailableError: if one of them cannot be reached just now.
    """
    problems, done = [], []
    for name, ledger in ledgers.opened():
        checked = check_ledger(ledger, None, since_us, progress)
        problems += [f"{name}: {problem}" for problem in checked.problems]
        done.append(checked)
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
