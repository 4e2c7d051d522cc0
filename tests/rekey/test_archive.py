"""A translated archive is what veiling anew under the new key gives, whatever was killed on the way."""

import shutil
import signal
from pathlib import Path

import pytest

from raypp.errors import ConflictError, MediaError, RayppError, ShardError, SpecError
from raypp.rekey.run import run_rekey
from raypp.shards.encryption import DataKey
from raypp.shards.manifest import read_manifest
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.shards.verify_archive import verify_archive
from tests.command import archive_bytes, environment
from tests.command_server import run_forked
from tests.rekey.places import HERE, NEW, OLD, settings_of, veil, write_place

_KILLED = """
import os, signal, sys
from raypp.{module} import {owner}

left, call = [int(sys.argv.pop(1))], {owner}.{name}

def call_or_die(*arguments, **options):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return call(*arguments, **options)

{owner}.{name} = call_or_die
from raypp.cli.app import main
main()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = write_place(tmp_path_factory.mktemp("place"))
    veil(place, place / "veiled")
    return place


@pytest.fixture(scope="module")
def rekeyed(place: Path) -> Path:
    """The archive under the new key, by one run."""
    summary = run_rekey(settings_of(place, archive=place / "veiled", archive_out=place / "team" / "veiled"), HERE)
    assert summary.archive is not None
    assert summary.archive.segments_translated == summary.archive.segments > 5
    return place / "team" / "veiled"


def _but_for_decoded(root: Path, data_key: DataKey | None = None) -> list[dict[str, object]]:
    receipts = read_manifest(Store(str(root), data_key)).receipts
    return [receipt.model_dump(exclude={"decoded_digest"}) for receipt in receipts]


def _frames(root: Path, data_key: DataKey | None = None) -> dict[str, tuple[object, ...]]:
    rows = [row for batch in ShardReader(str(root), data_key).iterate() for row in batch.rows.to_pylist()]
    return {row["sample_id"]: tuple(row.values()) for row in rows}


def test_it_has_the_bytes_of_veiling_anew(place, rekeyed):
    anew = place / "anew"
    shutil.copytree(f"{rekeyed}-private", f"{anew}-private")  # the same buckets: how many there are is for the CPUs
    (place / "anew-private" / "signed.json").unlink()
    veil(place, anew, "new.key", "fit-2/encoder.veil")
    own, theirs = archive_bytes(rekeyed), archive_bytes(anew)
    differing = {name for name in own.keys() | theirs.keys() if own.get(name) != theirs.get(name)}
    assert differing == {"manifest.parquet", "signature.json"}
    assert _but_for_decoded(rekeyed) == _but_for_decoded(anew)
    assert any(receipt["quarantined"] for receipt in _but_for_decoded(rekeyed))
    assert any(name.startswith("labels/tools-v1/") for name in own)


def test_it_has_the_frames_of_an_archive_that_never_had_the_old_key(place, rekeyed):
    veil(place, place / "fresh", "new.key", "fit-2/encoder.veil")

    own, old = _frames(rekeyed), _frames(place / "veiled")
    assert own == _frames(place / "fresh")
    assert len(own) == len(old) > 25
    assert not own.keys() & old.keys()
    assert {row[3] for row in own.values()}.isdisjoint(row[3] for row in old.values()), "pseudonyms of sources"


def test_it_is_signed_by_the_new_key_and_goes_on_under_it(place, rekeyed, tmp_path):
    assert verify_archive(str(rekeyed), None, NEW.fingerprint, HERE).problems == ()
    assert verify_archive(str(rekeyed), None, OLD.fingerprint, HERE).problems
    for part in ("veiled", "veiled-private"):
        shutil.copytree(rekeyed.with_name(part), tmp_path / part)
    before = archive_bytes(tmp_path / "veiled")
    veil(place, tmp_path / "veiled", "new.key", "fit-2/encoder.veil")
    assert archive_bytes(tmp_path / "veiled") == before


@pytest.mark.parametrize(
    ("module", "owner", "name", "call"),
    [
        ("shards.writer", "ShardWriter", "close", 4),
        ("shards.store", "Store", "write_together", 1),
        ("shards.store", "Store", "write_atomic", 3),
    ],
)
def test_killed_anywhere_and_run_again_it_has_the_same_bytes(place, rekeyed, tmp_path, module, owner, name, call):
    out = tmp_path / "veiled"
    command = [
        *("rekey", "--from", place / "old.key", "--to", place / "new.key", "--encoder", place / "encoder.veil"),
        *("--out", tmp_path / "fit-2", "--archive", place / "veiled", "--archive-out", out),
        *("--sources", place / "tools", "--on", "local"),
    ]
    code = _KILLED.format(module=module, owner=owner, name=name)
    killed = run_forked(code, [str(call), *map(str, command)], environment(), cwd=None, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (out / "signature.json").exists()
    done = run_forked(code, ["0", *map(str, command)], environment(), cwd=None, timeout=300)
    assert done.returncode == 0, done.stderr
    assert archive_bytes(out) == archive_bytes(rekeyed)


def test_an_encrypted_archive_of_plain_names_stays_both_and_has_the_same_frames(place, rekeyed, tmp_path):
    veil(place, tmp_path / "veiled", data_key_path=place / "data.key", plain_names=True)
    out = tmp_path / "team" / "veiled"
    settings = settings_of(place, archive=tmp_path / "veiled", archive_out=out, data_key_path=place / "data.key")
    run_rekey(settings, HERE)
    data_key = DataKey.load(place / "data.key")
    named, own = _frames(out, data_key), _frames(rekeyed)
    assert {row[3].rpartition("/")[2] for row in named.values()} >= {"0.mp4", "1.mp4", "2.mp4"}
    assert {name: row[:3] + row[4:] for name, row in named.items()} == {
        name: row[:3] + row[4:] for name, row in own.items()
    }
    assert verify_archive(str(out), place / "data.key", NEW.fingerprint, HERE).problems == ()
    assert out.joinpath("manifest.parquet").read_bytes()[:4] == b"PARE"
    with pytest.raises(ShardError, match="is encrypted; give its data key"):
        run_rekey(settings.model_copy(update={"data_key_path": None, "archive_out": str(tmp_path / "a" / "b")}), HERE)


def _refused(place: Path, root: Path, error: type[RayppError], words: str, **fields: object) -> None:
    out = root / "none" / "veiled"
    with pytest.raises(error, match=words) as raised:
        run_rekey(settings_of(place, **{"archive": root / "veiled", "archive_out": out, **fields}), HERE)
    assert len(str(raised.value).splitlines()) == 1
    assert not out.exists()


def test_what_cannot_be_exact_is_refused_in_one_line(place, tmp_path):
    for part in ("veiled", "veiled-private"):
        shutil.copytree(place / part, tmp_path / part)
    _refused(place, tmp_path, ConflictError, "is of a dataset, or has changed since", sources=())
    _refused(place, tmp_path, ShardError, "that no plan in .* has", private=tmp_path / "none-private")
    signature = tmp_path / "veiled" / "signature.json"
    content = signature.read_bytes()
    signature.unlink()
    _refused(place, tmp_path, ConflictError, "cannot be vouched for under another key: the archive is unsigned")
    signature.write_bytes(content)
    still = place / "in" / "stills" / "0.jpg"
    content = still.read_bytes()
    still.write_bytes(content[:-2])
    _refused(place, tmp_path, ConflictError, "0.jpg is of a dataset, or has changed since it was veiled")
    still.unlink()
    _refused(place, tmp_path, MediaError, "0.jpg.*names under another key need the files themselves")
    still.write_bytes(content)
    shard = next((tmp_path / "veiled" / "shards").rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(ShardError, match="is not as its receipt says"):
        run_rekey(settings_of(place, archive=tmp_path / "veiled", archive_out=tmp_path / "half" / "veiled"), HERE)
    assert not (tmp_path / "half" / "veiled" / "signature.json").exists()


def test_variants_are_refused_since_the_key_draws_them(place, tmp_path):
    veil(place, tmp_path / "veiled", variants=1)
    _refused(place, tmp_path, SpecError, "4 variants of images, which the key drew")
