"""A site's uses beside true ones as files."""

from pathlib import Path

from raypp.reports.episode_record import as_csv
from raypp.reports.truth_record import ComparedUse, ToolScore, TruthReport
from raypp.reports.written_files import write_texts_and_tables


def write_truth_files(report: TruthReport, folder: Path) -> list[Path]:
    """Write truth.json, truth.csv (a row a tool) and truth-uses.csv (a row a use); return their paths.

    Raises:
        OptionError: if the folder cannot be made or written to.
    """
    scores, uses = (
        (row.model_dump().values() for row in report.tools),
        (row.model_dump().values() for row in report.uses),
    )
    texts = {
        "truth.json": report.model_dump_json(indent=1) + "\n",
        "truth.csv": as_csv(ToolScore.model_fields, scores),
        "truth-uses.csv": as_csv(ComparedUse.model_fields, uses),
    }
    return write_texts_and_tables(folder, texts, {})
