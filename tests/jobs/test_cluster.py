"""A submitted job that brought keys along says what helps, which differs from one kind of key to another."""

import json
from pathlib import Path

import pytest

from jobs.cluster import refuse_key_in_working_dir
from raypp.errors import KeyFileError
from raypp.shards.encryption import DataKey
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import load_owner_key, save_owner_key, save_site_key
from raypp.veil.spec import PatchSpec


@pytest.fixture
def submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps({"runtime_env": {"working_dir": "gcs://x.zip"}}))
    return tmp_path


def refusal() -> str:
    with pytest.raises(KeyFileError) as caught:
        refuse_key_in_working_dir()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_lost_owners_key_is_answered_by_a_new_key_for_its_thief_derives_every_epoch(submitted: Path) -> None:
    key = VeilKey.generate()
    save_owner_key(key, submitted / "owner.key")
    thief = load_owner_key(submitted / "owner.key").next_epoch()
    assert thief.veil_id(PatchSpec()) == key.next_epoch().veil_id(PatchSpec()), "so an epoch would not help"
    message = refusal()
    assert "owner.key is an owner's key: make a new one (`raypp keygen`), not an epoch of it" in message
    assert "--next-epoch" not in message


def test_a_lost_site_key_is_answered_by_the_next_epoch_and_a_lost_data_key_by_another(submitted: Path) -> None:
    owner = VeilKey.generate()
    save_site_key(SiteKey.derive_from(owner, PatchSpec(), "north", ["gate"]), submitted / "a.key")
    DataKey.generate().save(submitted / "b.key")
    message = refusal()
    assert "a.key is a site's key: make the next epoch of its owner's (`raypp keygen --next-epoch`)" in message
    assert "b.key is a data key: make a new one (`raypp keygen --data`)" in message


def test_a_job_without_keys_goes_on(submitted: Path) -> None:
    (submitted / "notes.txt").write_text("nothing secret")
    refuse_key_in_working_dir()
