"""Forgetting in an archive on an object store: the same objects as in a folder, and no trace in any of them."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from raypp.errors import OptionError
from raypp.forget.run import forget_frames
from raypp.io.filesystem import filesystem_of
from raypp.shards.verify_archive import verify_archive
from tests.command import archive_bytes, environment
from tests.forget.places import BEGUN_US, copy_of, frames_of, settings_for, traces, veil_again
from tests.rekey.places import HERE, OLD, write_place

_BUCKET = "forgetting"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = write_place(tmp_path_factory.mktemp("place"))
    veil_again(place, place / "veiled")
    return place


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket, and how it is reached."""
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{endpoint}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    s3 = fs.S3FileSystem(endpoint_override=endpoint, scheme="http", region="us-east-1", allow_bucket_creation=True)
    s3.create_dir(_BUCKET)


def _upload(archive: Path, name: str) -> str:
    url = f"s3://{_BUCKET}/{name}"
    remote, base = filesystem_of(url)
    fs.copy_files(str(archive), base, source_filesystem=fs.LocalFileSystem(), destination_filesystem=remote)
    return url


def _download(url: str, folder: Path) -> Path:
    remote, base = filesystem_of(url)
    fs.copy_files(base, str(folder), source_filesystem=remote, destination_filesystem=fs.LocalFileSystem())
    return folder


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"from_us": BEGUN_US + 500_000, "to_us": BEGUN_US + 1_000_000}, id="range"),
        pytest.param({"sources": ("train/001.jpg", "crane/2.mp4")}, id="sources", marks=pytest.mark.slow),
    ],
)
def test_it_leaves_the_objects_that_forgetting_leaves_in_a_folder(place, tmp_path, fields, request):
    folder = copy_of(place / "veiled", tmp_path / "folder")
    forget_frames(settings_for(place, folder, **fields), HERE)
    side = copy_of(place / "veiled", tmp_path / "owner").with_name("veiled-private")
    url = _upload(place / "veiled", request.node.callspec.id)
    settings = settings_for(place, url, private=side, **fields)
    summary = forget_frames(settings, HERE)
    left = _download(url, tmp_path / "left")
    assert archive_bytes(left) == archive_bytes(folder)
    before, after = frames_of(place / "veiled"), frames_of(left)
    gone = [row for sample, row in before.items() if sample not in after]
    assert len(gone) == summary.receipt.frames > 1
    assert traces(place / "veiled", gone), "the search finds what is there"
    assert traces(left, gone) == []
    assert traces(side, gone) == []
    report = verify_archive(url, None, OLD.fingerprint, HERE)
    assert (report.problems, report.signed_by) == ((), OLD.fingerprint)


@pytest.mark.usefixtures("bucket")
def test_without_the_owners_folder_it_says_what_is_missing(place):
    with pytest.raises(OptionError, match=r"is a URL; say with `private` which local folder is beside it"):
        forget_frames(settings_for(place, f"s3://{_BUCKET}/archive", camera="gate"), HERE)


_FORGET = """
import os, signal, sys
from pathlib import Path
from raypp.forget.run import forget_frames
from raypp.shards import store
from tests.forget.places import settings_for
from tests.rekey.places import HERE

place, url, side, left = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
store._REMOTE_LOCK_STALE_S = 0  # in place of waiting for five minutes


def dying(name):
    act = getattr(store.Store, name)

    def counted(self, relative, **options):
        global left
        if relative != store.LOCK_FILE:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return act(self, relative, **options)

    setattr(store.Store, name, counted)


for name in ("create", "delete"):
    dying(name)
settings = settings_for(place, url, private=side, sources=("train/001.jpg", "crane/2.mp4"))
forget_frames(settings, HERE)
"""


def _forget_apart(place: Path, url: str, side: Path, dies_at: int) -> int:
    command = [sys.executable, "-c", _FORGET, place, url, side, str(dies_at)]
    return subprocess.run(command, env=environment(), check=False).returncode


@pytest.mark.slow
@pytest.mark.usefixtures("bucket")
def test_killed_at_any_object_it_ends_the_same(place, tmp_path):
    whole = copy_of(place / "veiled", tmp_path / "whole")
    forget_frames(settings_for(place, whole, sources=("train/001.jpg", "crane/2.mp4")), HERE)
    for call in range(1, 100):
        side = copy_of(place / "veiled", tmp_path / str(call)).with_name("veiled-private")
        url = _upload(place / "veiled", f"killed-{call}")
        status = _forget_apart(place, url, side, call)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        assert _forget_apart(place, url, side, 0) == 0
        assert archive_bytes(_download(url, tmp_path / f"left-{call}")) == archive_bytes(whole), call
    assert 5 < call < 99
