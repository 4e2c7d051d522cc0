"""Files and folders are given to the API as text or as paths, and one source needs no list."""

from pathlib import Path

import pytest

import raypp
from raypp.errors import CertificateError, LedgerError, RayppError, ShardError
from tests.api.conftest import SIZE
from tests.videos import make_image


def test_one_source_needs_no_list(place: Path, tmp_path: Path) -> None:
    make_image(tmp_path / "photos" / "bench.jpg")
    for number, source in enumerate((tmp_path / "photos", str(tmp_path / "photos"), [tmp_path / "photos"])):
        settings = raypp.VeilSettings(out=tmp_path / f"veiled-{number}", key_path=place / "owner.key", size=SIZE)
        assert raypp.veil_archive(source, settings, on="local").frames == 1
        audit = raypp.AuditSettings(sources=source, out="audit", key_path="owner.key")
        assert audit.sources == (str(tmp_path / "photos"),)


def test_a_data_key_opens_what_it_encrypted_and_nothing_opens_without(place: Path, tmp_path: Path) -> None:
    sealed, data_key = tmp_path / "sealed", tmp_path / "data.key"
    raypp.DataKey.generate().save(str(data_key))
    make_image(tmp_path / "photos" / "bench.jpg")
    settings = raypp.VeilSettings(out=sealed, key_path=place / "owner.key", data_key_path=data_key, size=SIZE)
    raypp.veil_archive(tmp_path / "photos", settings, on="local")
    for archive, key in ((sealed, data_key), (str(sealed), str(data_key))):
        assert len(list(raypp.open_archive(archive, data_key=key))) == 1
        assert raypp.verify_archive(archive, data_key=key, on="local").problems == ()
        assert raypp.describe_file(archive, data_key=key)["frames"].startswith("1, ")
    with pytest.raises(ShardError):
        list(raypp.open_archive(sealed))


def test_a_detector_s_places_may_be_text(place: Path, run: Path, tmp_path: Path) -> None:
    archive, model = str(place / "veiled"), tmp_path / "tools.model"
    report = raypp.evaluate_detector(archive, str(run), folder=str(tmp_path / "report"), on="local")
    assert (tmp_path / "report" / "scores.json").is_file()
    assert raypp.export_detector(str(run), str(model), archive=place / "veiled").bytes == model.stat().st_size
    assert raypp.load_detector(str(model)).classes == report.classes == ("hammer", "saw")
    assert raypp.describe_file(str(model)) == raypp.describe_file(model)


def test_what_is_not_there_is_named_however_it_is_given(tmp_path: Path) -> None:
    for missing in (tmp_path / "none", str(tmp_path / "none")):
        with pytest.raises(RayppError, match=r"/none: No such file or directory"):
            raypp.describe_file(missing)
        with pytest.raises(CertificateError, match=r"/none"):
            raypp.verify_certificate(missing)
        with pytest.raises(CertificateError, match=r"/none"):
            raypp.join_audits(missing, tmp_path, tmp_path)
        with pytest.raises(LedgerError, match=r"there is no ledger .*/none;"):
            raypp.open_ledger(missing)


def test_a_ledger_is_opened_by_its_file_or_by_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = raypp.make_sample_ledger(tmp_path, minutes=0.5)
    monkeypatch.chdir(tmp_path)
    for given in (plain, str(plain), plain.name, f"sqlite:///{plain}"):
        with raypp.open_ledger(given) as ledger:
            assert ledger.sites() == ("workshop",)
    with raypp.open_ledger(raypp.make_sample_ledger(tmp_path / "a%20site, or two?", minutes=0.5)) as ledger:
        assert ledger.sites() == ("workshop",)
