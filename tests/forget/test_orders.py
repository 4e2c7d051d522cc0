"""An order makes a copy what the owner's archive is; one that is not for the copy does nothing, and says so."""

import json
import shutil
from pathlib import Path

import pytest

from raypp.errors import ConflictError, OptionError, RayppError, ShardError
from raypp.forget.order import ForgetOrder
from raypp.forget.receipt import ForgetReceipt
from raypp.forget.run import forget_frames
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.rekey.run import run_rekey
from raypp.shards.encryption import DataKey
from raypp.shards.verify_archive import verify_archive
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.command import archive_bytes, succeed
from tests.forget.places import BEGUN_US, copy_of, frames_of, settings_for, veil_again
from tests.rekey.places import HERE, OLD, SPEC, settings_of, write_place
from tests.videos import make_image

HOLDER = VeilKey(bytes(range(2, 34)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive, a copy of it, and two orders that the owner has done, one after the other."""
    place = write_place(tmp_path_factory.mktemp("place"))
    save_owner_key(HOLDER, place / "holder.key")
    veil_again(place, place / "veiled")
    shutil.copytree(place / "veiled", place / "copy")
    for number in (1, 2):  # one frame after the other, of one segment
        span = {"from_us": BEGUN_US + (number - 1) * 250_000, "to_us": BEGUN_US + number * 250_000}
        order_out = place / f"order-{number}.json"
        forget_frames(settings_for(place, place / "veiled", camera="gate.right", order_out=order_out, **span), HERE)
    return place


def _settings(place: Path, archive: Path, order: Path, owner: str = OLD.fingerprint, **fields: object):
    given = {"order": order, "owner_public_key": owner, "key_path": place / "holder.key"}
    return settings_for(place, archive, **(given | fields))


def _refused(settings: object, archive: Path, error: type[RayppError], words: str) -> None:
    before = archive_bytes(archive)
    with pytest.raises(error, match=words) as raised:
        forget_frames(settings, HERE)
    assert len(str(raised.value).splitlines()) == 1
    assert archive_bytes(archive) == before


def test_a_copy_becomes_what_the_owners_archive_is_and_the_holder_signs_for_it(place, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(place / "copy", copy)
    public_key = OLD.public_key.hex()
    _refused(_settings(place, copy, place / "order-2.json"), copy, ConflictError, "do the owner's earlier orders first")
    for number in (1, 2):
        command = ["forget-archive", copy, "--order", place / f"order-{number}.json", "--owner-public-key", public_key]
        succeed(*command, "--key", place / "holder.key", "--receipt", tmp_path / "receipt.json", "--on", "local")
    assert archive_bytes(copy) == archive_bytes(place / "veiled")
    assert verify_archive(str(copy), None, OLD.fingerprint, HERE).problems == ()
    receipt = ForgetReceipt.read(tmp_path / "receipt.json")
    assert receipt.is_true()
    assert (receipt.fingerprint, receipt.frames) == (HOLDER.fingerprint, 1)
    assert not receipt.model_copy(update={"frames": 2}).is_true()
    again = forget_frames(_settings(place, copy, place / "order-2.json"), HERE)
    assert again.before
    assert again.receipt == receipt


def test_an_order_that_is_not_for_a_copy_does_nothing(place, tmp_path):
    copy, order = place / "copy", place / "order-1.json"
    content = json.loads(order.read_text())
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps(content | {"changes": []}))
    _refused(_settings(place, copy, altered), copy, ConflictError, "altered.json is not as it was signed")
    _refused(_settings(place, copy, order, HOLDER.fingerprint), copy, ConflictError, f"not by {HOLDER.fingerprint}")
    _refused(_settings(place, copy, order, "owner"), copy, OptionError, "owner is no public key; give its 64 hex")
    _refused(_settings(place, copy, place / "views.json"), copy, ShardError, "views.json is no order to forget")
    _refused(_settings(place, copy, tmp_path / "no.json"), copy, ShardError, "no.json: No such file")
    _refused(_settings(place, copy, order, camera="gate"), copy, OptionError, "says what is forgotten; leave out")
    stranger = tmp_path / "stranger.json"
    stranger.write_bytes(ForgetOrder.read(order).signed(HOLDER).to_bytes())
    words = f"signed by {HOLDER.fingerprint}, and archive .* belongs to {OLD.fingerprint}"
    _refused(_settings(place, copy, stranger, HOLDER.fingerprint), copy, ConflictError, words)


@pytest.mark.slow
def test_an_order_of_another_archive_or_of_another_keys_says_so(place, tmp_path):
    other = tmp_path / "other"
    make_image(tmp_path / "door" / "1.jpg", seed=77)
    settings = VeilSettings(
        out=other, key_path=place / "old.key", spec=SPEC, encoder_path=place / "encoder.veil", size=80
    )
    run_veil(settings, [str(tmp_path / "door")], HERE)
    _refused(_settings(place, other, place / "order-1.json"), other, ConflictError, "no segment that the order names")
    rekeyed = tmp_path / "team" / "veiled"
    source = copy_of(place / "veiled", tmp_path / "source")
    run_rekey(settings_of(place, out=tmp_path / "fit-2", archive=source, archive_out=rekeyed), HERE)
    words = "names sample_ids of veil .* under another key, as after `raypp rekey`, frames have other sample_ids"
    _refused(_settings(place, rekeyed, place / "order-1.json"), rekeyed, ConflictError, words)


@pytest.mark.slow
def test_an_encrypted_copy_is_done_and_loses_the_signature(place, tmp_path):
    data = {"data_key_path": place / "data.key"}
    veil_again(place, tmp_path / "veiled", **data)
    shutil.copytree(tmp_path / "veiled", tmp_path / "copy")
    order = tmp_path / "order.json"
    forget_frames(settings_for(place, tmp_path / "veiled", sources=("001.jpg",), order_out=order, **data), HERE)
    done = forget_frames(_settings(place, tmp_path / "copy", order, **data), HERE)
    assert not done.signed
    data_key = DataKey.load(place / "data.key")
    assert frames_of(tmp_path / "copy", data_key) == frames_of(tmp_path / "veiled", data_key)
    assert verify_archive(str(tmp_path / "copy"), place / "data.key", None, HERE).problems == ()
