"""One folder is one holder: nobody is handed how names go together without the word that says so."""

from pathlib import Path

import pytest

from raypp.errors import OptionError
from raypp.rekey.holders import archive_holding, check_holders, model_holding
from tests.shards.archives import header

_OLD, _NEW = "0d" * 16, "1e" * 16


def _archive(place: Path, veil_id: str) -> Path:
    place.mkdir(parents=True)
    (place / "veil.json").write_bytes(header(veil_id).to_bytes())
    return place


def test_a_model_is_not_written_beside_the_old_one(tmp_path):
    old = model_holding(tmp_path / "start.model", _OLD)
    with pytest.raises(OptionError, match=r"would lie beside .*start.model.*learns which old name is which new one"):
        check_holders([old], [model_holding(tmp_path / "next.model", _NEW)])
    check_holders([old], [model_holding(tmp_path / "new" / "start.model", _NEW)])
    with pytest.raises(OptionError, match=r"start.model is what is rekeyed, and stays as it is"):
        check_holders([old], [model_holding(tmp_path / "start.model", _NEW)])


def test_what_lies_in_the_folder_already_counts(tmp_path):
    old = model_holding(tmp_path / "fit" / "start.model", _OLD)
    _archive(tmp_path / "team" / "veiled", _OLD)
    with pytest.raises(OptionError, match=r"would lie beside .*team/veiled"):
        check_holders([old], [model_holding(tmp_path / "team" / "start.model", _NEW)])
    _archive(tmp_path / "others" / "veiled", _NEW)
    with pytest.raises(OptionError, match="would go to one holder"):
        check_holders([old], [model_holding(tmp_path / "others" / "start.model", _NEW)])


def test_model_and_archive_go_to_two_folders(tmp_path):
    before = [model_holding(tmp_path / "start.model", _OLD), archive_holding(str(tmp_path / "veiled"), _OLD)]
    model = model_holding(tmp_path / "a" / "start.model", _NEW)
    with pytest.raises(OptionError, match=r"a/start.model and .*a/veiled would go to one holder.*`reveals_mapping`"):
        check_holders(before, [model, archive_holding(str(tmp_path / "a" / "veiled"), _NEW)])
    check_holders(before, [model, archive_holding(str(tmp_path / "b" / "veiled"), _NEW)])


def test_places_on_an_object_store_are_held_against_one_another(tmp_path):
    before = [archive_holding("s3://bucket/veiled", _OLD)]
    with pytest.raises(OptionError, match="s3://bucket/veiled-2 would lie beside s3://bucket/veiled"):
        check_holders(before, [archive_holding("s3://bucket/veiled-2", _NEW)])
    check_holders(before, [archive_holding("s3://other/veiled", _NEW)])
