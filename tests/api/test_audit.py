"""An audit by the API, to its end in this process."""

from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

import raypp
from raypp.audit.run import AuditSummary
from raypp.errors import CertificateError
from tests.audit.images import shapes

_SIDE = 96

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def audited(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditSummary, list[str]]:
    folder = tmp_path_factory.mktemp("audited")
    (folder / "images").mkdir()
    for number, frame in enumerate(shapes(12, (_SIDE, _SIDE), 0).frames):
        Image.fromarray(frame).save(folder / "images" / f"{number}.png")
    settings = raypp.AuditSettings(
        sources=folder / "images", out=folder / "out", key_path=place / "owner.key", size=_SIDE, budget="quick"
    )
    lines: list[str] = []
    return raypp.audit_veil(settings, on="local", progress=lines.append), lines


@pytest.mark.timeout(600)
def test_an_audit_ends_with_a_certificate_that_verifies_for_its_key_alone(
    audited: tuple[AuditSummary, list[str]], place: Path
) -> None:
    summary, _ = audited
    certificate = raypp.verify_certificate(summary.certificate, archive=place / "veiled")
    assert (certificate.veil_id, certificate.gates) == (summary.veil_id, summary.gates)
    assert {"component view", "ridge, 1 pair"} <= {row.attack.name for row in summary.rows if not row.reason}
    assert summary.gates
    assert Path(summary.report).is_file()
    assert Path(summary.public_report).parent == Path(summary.certificate).parent
    with pytest.raises(CertificateError, match=r"is signed by \w{16}, not by 0{16}"):
        raypp.verify_certificate(summary.certificate, fingerprint="0" * 16)


def test_an_audit_tells_its_progress_in_lines(audited: tuple[AuditSummary, list[str]]) -> None:
    _, lines = audited
    assert lines
    assert [line for line in lines if "\n" in line or not line.strip()] == []


def test_the_result_of_an_audit_does_not_change(audited: tuple[AuditSummary, list[str]]) -> None:
    summary, _ = audited
    for value in (summary, summary.rows[0], summary.gates[0], summary.images):
        with pytest.raises((ValidationError, AttributeError), match=r"frozen|cannot assign"):
            setattr(value, next(iter(type(value).model_fields)), None)
