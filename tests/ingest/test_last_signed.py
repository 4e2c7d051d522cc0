"""A job signs what it finds: what somebody altered since the last one is refused before it is signed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from raypp.errors import ConflictError
from raypp.ingest.job import open_job, veil_here
from raypp.ingest.last_signed import SIGNED_FILE
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT
from raypp.shards.manifest import MANIFEST_FILE, Manifest, compile_manifest, read_manifest
from raypp.shards.signature import SIGNATURE_FILE, sign_archive
from raypp.shards.store import Store
from raypp.shards.verification import verify
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.videos import make_video

KEY = VeilKey(bytes(range(32)))


@pytest.fixture
def settings(tmp_path: Path) -> VeilSettings:
    """Of a job that has veiled one video, and signed."""
    save_owner_key(KEY, tmp_path / "owner.key")
    make_video(tmp_path / "in" / "0.mp4", seconds=1)
    veil_settings = VeilSettings(
        out=str(tmp_path / "out"), private=tmp_path / "private", key_path=tmp_path / "owner.key", size=160, fps=None
    )
    _veil(veil_settings)
    return veil_settings


def _veil(settings: VeilSettings, source: str = "in") -> None:
    with open_job(settings, [str(settings.private.parent / source)], SILENT) as job:
        job.run(veil_here, SILENT, None, None)


def _extend(settings: VeilSettings, source: str = "in") -> None:
    make_video(settings.private.parent / "in" / "1.mp4", seconds=1, seed=1)
    _veil(settings, source)


def _alter(store: Store) -> Manifest:
    """Give a receipt other times, in a manifest written anew, as somebody who writes to the storage can."""
    before = read_manifest(store)
    changed = before.receipts[0].model_copy(update={"first_timestamp_us": 1})
    store.write_atomic("receipts/x.json", changed.to_bytes())
    return compile_manifest(store, before.header)


def _alter_and_take_the_signature(store: Store) -> None:
    _alter(store)
    store.delete(SIGNATURE_FILE)


def _plant_a_receipt(store: Store) -> None:
    planted = read_manifest(store).receipts[0].model_copy(update={"segment_id": "ab" * 16})
    store.write_atomic("receipts/planted.json", planted.to_bytes())


def _take_the_manifest_for_a_receipt(store: Store) -> None:
    _plant_a_receipt(store)
    store.delete(MANIFEST_FILE)


def _signature(store: Store) -> bytes | None:
    return store.read(SIGNATURE_FILE) if store.exists(SIGNATURE_FILE) else None


def test_a_job_extends_what_the_last_one_left(settings: VeilSettings) -> None:
    assert (settings.private / SIGNED_FILE).stat().st_mode & 0o077 == 0
    _extend(settings)
    assert verify(settings.out, fingerprint=KEY.fingerprint).problems == ()


@pytest.mark.parametrize(
    "alter", [_alter, _alter_and_take_the_signature, _plant_a_receipt, _take_the_manifest_for_a_receipt]
)
def test_what_somebody_altered_since_is_not_signed(alter: Callable[[Store], object], settings: VeilSettings) -> None:
    store = Store(settings.out)
    alter(store)
    left = _signature(store)
    with pytest.raises(ConflictError, match=r"not as the last job here left it.*raypp verify .*remove .*signed\.json"):
        _extend(settings)
    assert _signature(store) == left


def test_what_the_owner_signed_elsewhere_meanwhile_is_taken(settings: VeilSettings) -> None:
    other = settings.model_copy(update={"private": settings.private.parent / "other-side"})
    _extend(other, "in/1.mp4")
    _veil(settings)
    assert verify(settings.out, fingerprint=KEY.fingerprint).problems == ()
    (settings.private / SIGNED_FILE).write_text("{}")
    _veil(settings)


def test_after_a_look_the_owner_may_sign_what_is_there(settings: VeilSettings) -> None:
    _alter(Store(settings.out))
    (settings.private / SIGNED_FILE).unlink()
    _veil(settings)
    store = Store(settings.out)
    assert sign_archive(store, read_manifest(store), {}, {}, KEY) is not None


def test_a_job_that_was_stopped_is_gone_on_with(settings: VeilSettings) -> None:
    make_video(settings.private.parent / "in" / "1.mp4", seconds=1, seed=1)

    def stops(*about: object) -> object:
        yield from veil_here(*about)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        open_job(settings, [str(settings.private.parent / "in")], SILENT) as job,
    ):
        job.run(stops, SILENT, None, None)  # type: ignore[arg-type]
    _veil(settings)
    assert verify(settings.out, fingerprint=KEY.fingerprint).problems == ()
