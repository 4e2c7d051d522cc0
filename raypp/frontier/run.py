"""A frontier from folders to its table and image."""

from collections.abc import Sequence
from pathlib import Path

from raypp.audit.verdict.certificate import CERTIFICATE, Certificate, verify_certificate
from raypp.compare.rows import read_arm_rows
from raypp.frontier.drawing import draw_frontier, to_markdown
from raypp.frontier.fits import read_finished_fit
from raypp.frontier.points import Frontier, join_frontier
from raypp.io.atomic import write_text
from raypp.io.private import PUBLIC

TABLE_FILE, IMAGE_FILE = "frontier.md", "frontier.png"


def run_frontier(audits: Sequence[Path], cost: Path, out: Path, fits: Sequence[Path] = ()) -> Frontier:
    """Join a comparison with audits, and write table and image.

    Args:
        audits: folders of audits, or certificates, one for each veil.
        cost: folder of the comparison.
        out: folder for frontier.md and frontier.png.
        fits: folders of finished fits.

    Raises:
        CertificateError: if a certificate cannot be read, or was altered.
        OptionError, ConflictError, ModelError: as `read_finished_fit` and `join_frontier`.
    """
    rows, certificates = list(read_arm_rows(cost).values()), [_certificate(path) for path in audits]
    frontier = join_frontier(rows, certificates, str(cost), [read_finished_fit(path) for path in fits])
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / TABLE_FILE, to_markdown(frontier))
    draw_frontier(frontier, out / IMAGE_FILE)
    return frontier


def _certificate(path: Path) -> Certificate:
    if path.is_dir():
        earlier = path / CERTIFICATE  # where versions before this put it
        path = earlier if earlier.is_file() else path / PUBLIC / CERTIFICATE
    return verify_certificate(path)
