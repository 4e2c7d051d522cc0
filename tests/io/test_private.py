import os
import shutil
import stat
import subprocess
import traceback
from pathlib import Path

import pytest

from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import KeyFileError, OptionError, RayppError, SiteError
from raypp.io.private import create_secret, private_folder, private_umask, read_secret, write_private
from raypp.serving.access import read_front_secret
from raypp.shards.encryption import DataKey
from raypp.veil.envelope import read_passphrase
from raypp.veil.keyfile import load_key

_SECRET = b"of-the-front-alone-of-the-front-alone"
_NOBODY = 65534
_READERS = {
    "key file": load_key,
    "data key": DataKey.load,
    "passphrase file": read_passphrase,
    "front secret": read_front_secret,
    "token file": lambda path: ServiceConnection("127.0.0.1:1", path).metadata(),
}
needs_acl = pytest.mark.skipif(shutil.which("setfacl") is None, reason="needs setfacl")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the file must be root's")


def read(path: Path) -> bytes:
    return read_secret(path, "secret", "make one", OptionError)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    write_private(tmp_path / "secret", _SECRET)
    return tmp_path / "secret"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o606])
@pytest.mark.parametrize("what", _READERS)
def test_every_secret_that_others_may_read_or_write_is_refused_in_the_same_words(
    what: str, mode: int, secret: Path
) -> None:
    secret.chmod(mode)
    with pytest.raises((KeyFileError, OptionError, SiteError)) as caught:
        _READERS[what](secret)
    assert str(caught.value) == f"{what} {secret} is open to others (mode {mode:04o}); run `chmod 600 {secret}`"
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert _SECRET.decode() not in shown


@pytest.mark.parametrize("what", _READERS)
def test_a_secret_that_is_not_there_is_one_line(what: str, tmp_path: Path) -> None:
    with pytest.raises(RayppError, match=rf"{what} .*none: No such file or directory; ") as caught:
        _READERS[what](tmp_path / "none")
    assert "\n" not in str(caught.value)


def test_a_link_is_as_open_as_the_file_that_it_leads_to(secret: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(secret)
    assert read(link) == _SECRET
    secret.chmod(0o644)
    with pytest.raises(OptionError, match="open to others"):
        read(link)


def test_a_secret_may_come_by_a_pipe() -> None:
    readable, writable = os.pipe()
    os.write(writable, b"by pipe")
    os.close(writable)
    try:
        assert read(Path(f"/dev/fd/{readable}")) == b"by pipe"
    finally:
        os.close(readable)


def acl(path: Path, *entries: str) -> None:
    path.chmod(0o400)
    done = subprocess.run(["setfacl", "-m", ",".join(entries), path], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no ACLs here: {done.stderr.decode()}")


@needs_acl
@needs_root
def test_a_credential_whose_group_bits_come_from_an_acl_for_us_alone_is_taken(secret: Path) -> None:
    acl(secret, f"u:{os.geteuid()}:r")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o440
    assert read(secret) == _SECRET


@needs_acl
@needs_root
@pytest.mark.parametrize("entries", [(f"u:{_NOBODY}:r",), ("u:0:r", "g::r"), ("u:0:r", f"g:{_NOBODY}:r")])
def test_an_acl_that_lets_in_anybody_else_is_refused(entries: tuple[str, ...], secret: Path) -> None:
    acl(secret, *entries)
    with pytest.raises(OptionError, match=r"open to others \(mode 0440\)"):
        read(secret)


@needs_acl
@needs_root
def test_an_acl_on_another_users_file_counts_only_where_credentials_lie(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acl(secret, "u:0:r")
    os.chown(secret, _NOBODY, -1)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(OptionError, match="open to others"):
        read(secret)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secret.parent))
    assert read(secret) == _SECRET


def test_a_new_secret_is_never_written_over_or_into_a_working_tree(tmp_path: Path) -> None:
    with create_secret(tmp_path / "new" / "token", "token file", OptionError) as file:
        file.write("first")
    assert stat.S_IMODE((tmp_path / "new" / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    with pytest.raises(OptionError, match="exists"):
        create_secret(tmp_path / "new" / "token", "token file", OptionError)
    (tmp_path / ".git").mkdir()
    with pytest.raises(OptionError, match="working tree"):
        create_secret(tmp_path / "other", "token file", OptionError)
    assert not (tmp_path / "other").exists()


def test_an_empty_folder_is_closed_and_one_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    (tmp_path / "full" / "report").write_text("open")
    assert stat.S_IMODE(private_folder(tmp_path / "empty").stat().st_mode) == 0o700
    assert stat.S_IMODE(private_folder(tmp_path / "full").stat().st_mode) == 0o755
    assert stat.S_IMODE(private_folder(tmp_path / "new" / "er").stat().st_mode) == 0o700


def test_a_private_file_is_closed_even_where_an_open_one_lay(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("open")
    (tmp_path / "report").chmod(0o644)
    write_private(tmp_path / "report", b"closed")
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_what_is_created_within_a_private_umask_is_closed_and_the_umask_comes_back(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with private_umask():
            (tmp_path / "inside").write_text("")
        (tmp_path / "after").write_text("")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "inside").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "after").stat().st_mode) == 0o644
