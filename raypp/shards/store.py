"""The place of an archive: a local folder or a URL, where files appear whole or not at all."""

import contextlib
import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import fs

from raypp.errors import ConflictError, KeyFileError, ShardError
from raypp.io.atomic import PART_SUFFIX, sync_together, whole_file, write_together
from raypp.io.filesystem import filesystem_of, is_url
from raypp.shards.encryption import DataKey
from raypp.shards.parquet import is_encrypted, parquet_table
from raypp.shards.schema import HEADER_FILE, ArchiveHeader

LOCK_FILE = ".lock"
_REMOTE_LOCK_BYTES = 512
_REMOTE_LOCK_STALE_S = 300.0
_REMOTE_LOCK_BEAT_S = 60.0


class Store:
    """Files of one archive by relative path.

    On a local folder a file is written beside its final name, synced, and renamed; on an object store it appears when
    its upload completes. Either way readers never see half a file.

    Args:
        root: folder or URL; made when first written to.
        data_key: key of an encrypted archive's manifest and labels, or None.
    """

    def __init__(self, root: str, data_key: DataKey | None = None) -> None:
        self.root = root
        self.data_key = data_key
        self._remote: fs.FileSystem | None = None
        self._base = root
        if is_url(root):
            filesystem, self._base = filesystem_of(root)
            self._remote = None if isinstance(filesystem, fs.LocalFileSystem) else filesystem
        # One spelling of the place, since names below it are found by removing it: "veiled/" is "veiled".
        self._base = str(Path(self._base)) if self._remote is None else self._base.rstrip("/")

    def __repr__(self) -> str:
        return f"Store({self.root})"

    def write_atomic(self, relative: str, content: bytes, *, durable: bool = True) -> None:
        """Write a whole file; arguments and errors as for `create`."""
        with self.create(relative, durable=durable) as file:
            file.write(content)

    @contextlib.contextmanager
    def create(self, relative: str, *, durable: bool = True) -> Iterator[IO[bytes]]:
        """Give a stream that appears as `relative` if the block ends well, and vanishes if it raises.

        Args:
            relative: its path in the archive.
            durable: whether it is on the disk by then; else `sync` brings it there. An object store has it in any case.

        Raises:
            ShardError: if it cannot be written; the text names file and reason.
        """
        with self._told(relative):
            if self._remote is None:
                with self._create_local(Path(self._base, relative), durable) as file:
                    yield file
            else:
                with self._create_remote(self._remote, f"{self._base}/{relative}") as file:
                    yield file

    def write_together(self, contents: Mapping[str, bytes]) -> None:
        """Write whole files, which are on the disk then; raises ShardError if one cannot be written."""
        if self._remote is not None:
            for relative, content in contents.items():
                self.write_atomic(relative, content)
            return
        if not contents:
            return
        paths = {Path(self._base, relative): content for relative, content in contents.items()}
        with self._told(next(iter(contents))):
            for folder in {path.parent for path in paths}:
                folder.mkdir(parents=True, exist_ok=True)
            write_together(paths)

    def sync(self, relatives: Collection[str]) -> None:
        """Bring files that are there to the disk, and their names; raises ShardError if that fails."""
        if self._remote is not None or not relatives:
            return
        paths = [Path(self._base, relative) for relative in relatives]
        with self._told(next(iter(relatives))):
            sync_together(paths)
            sync_together({path.parent for path in paths})

    @contextlib.contextmanager
    def _told(self, relative: str) -> Iterator[None]:
        """Raise ShardError for an OSError of the block, naming file, reason and remedy."""
        try:
            yield
        except OSError as error:
            remedy = "free some space and run the job again" if error.errno == errno.ENOSPC else "check the output"
            reason = (error.strerror or str(error)).splitlines()[0]
            raise ShardError(f"cannot write {self.root}/{relative}: {reason}; {remedy}") from None

    def read(self, relative: str) -> bytes:
        """Read a whole file; raises ShardError if it is not there."""
        with self.open_input(relative) as file:
            content: bytes = file.read()
            return content

    def read_table(self, relative: str) -> pa.Table:
        """Read a manifest or label table, encrypted or not.

        Raises:
            ShardError: if it is not there, is encrypted and the store has no key, or another; or if it is open, and
                the archive's tables are not.
            pyarrow.ArrowException, OSError: if it is damaged.
        """
        content = self.read(relative)
        if is_encrypted(content) and self.data_key is None:
            raise ShardError(f"archive {self.root} is encrypted; give its data key with `data_key`")
        if self.data_key is not None and not is_encrypted(content) and self._encrypts_tables():
            raise ShardError(
                f"{self.root}/{relative} is open in an encrypted archive: somebody without its data key put it there; "
                "remove it, or get the archive anew from its owner"
            )
        try:
            return parquet_table(content, self.data_key.decryption() if self.data_key else None)
        except KeyFileError as error:
            raise ShardError(f"{self.root}/{relative}: {error}") from None

    def _encrypts_tables(self) -> bool:
        return self.exists(HEADER_FILE) and ArchiveHeader.from_bytes(self.read(HEADER_FILE)).encrypts_tables

    @property
    def filesystem(self) -> fs.FileSystem:
        """Give what its files are on."""
        return self._remote or fs.LocalFileSystem()

    def path_of(self, relative: str) -> str:
        """Return the path of a file on `filesystem`."""
        return f"{self._base}/{relative}"

    def open_input(self, relative: str) -> pa.NativeFile:
        """Open a file for random access; raises ShardError if it is not there."""
        try:
            return self.filesystem.open_input_file(self.path_of(relative))
        except OSError as error:
            reason = (error.strerror or str(error)).splitlines()[0]
            raise ShardError(f"cannot read {self.root}/{relative}: {reason}; run `raypp verify` on it") from None

    def size(self, relative: str) -> int | None:
        """Return a file's size in bytes, or None if it is not there."""
        info = self._info(self.path_of(relative))
        return int(info.size) if info.type == fs.FileType.File else None

    def written_us(self, relative: str) -> int | None:
        """Return when a file was last written, microseconds since 1970, or None if it is not there."""
        info = self._info(self.path_of(relative))
        return int(info.mtime_ns) // 1000 if info.type == fs.FileType.File and info.mtime_ns is not None else None

    def exists(self, relative: str) -> bool:
        """Whether a file is there."""
        return self.size(relative) is not None

    def listing(self, prefix: str) -> list[str]:
        """Return the files below a folder of the archive, sorted; hidden ones and partial ones left out."""
        entries = self._all(prefix)
        return sorted(name for name in entries if not name.rpartition("/")[2].startswith("."))

    def delete(self, relative: str) -> None:
        """Delete a file; one that another process has deleted meanwhile is gone as well."""
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_file(self.path_of(relative))

    def remove(self, relatives: Collection[str]) -> None:
        """Delete files, and bring that to the disk; raises ShardError if that fails."""
        for relative in relatives:
            self.delete(relative)
        if self._remote is None:
            folders = {Path(self._base, relative).parent for relative in relatives}
            with self._told("shards"):
                sync_together({folder for folder in folders if folder.exists()})

    def sweep(self) -> None:
        """Remove partial files that killed writers left; call it only while holding the lock."""
        for name in self._all(""):
            if name.rpartition("/")[2].startswith(".") and name.endswith(PART_SUFFIX):
                self.delete(name)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the archive for writing.

        On a local folder the lock is the kernel's and ends with its process, even by kill -9. On an object store it is
        an object that its holder renews every minute and that counts for five: so long a crashed job leaves it behind.
        Such a store cannot rule out two jobs that start within the same second.

        Raises:
            ConflictError: naming the output and its holder, if another job holds it.
        """
        with self._lock_local() if self._remote is None else self._lock_remote(self._remote):
            yield

    @contextlib.contextmanager
    def _create_local(self, path: Path, durable: bool) -> Iterator[IO[bytes]]:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, durable=durable) as part, part.open("wb") as file:
            yield file

    @contextlib.contextmanager
    def _create_remote(self, remote: fs.FileSystem, path: str) -> Iterator[IO[bytes]]:
        # An object appears when its stream closes, even after an error: so a failed one is gathered here and dropped.
        buffer = pa.BufferOutputStream()
        yield buffer
        with remote.open_output_stream(path) as stream:
            stream.write(buffer.getvalue())

    def _all(self, prefix: str) -> list[str]:
        selector = fs.FileSelector(f"{self._base}/{prefix}".rstrip("/"), recursive=True, allow_not_found=True)
        base = self._base.rstrip("/") + "/"
        return [info.path.removeprefix(base) for info in self._info(selector) if info.type == fs.FileType.File]

    def _info(self, target: str | fs.FileSelector) -> Any:
        try:
            return self.filesystem.get_file_info(target)
        except OSError as error:
            reason = (error.strerror or str(error)).splitlines()[0]
            raise ShardError(f"cannot reach {self.root}: {reason}; check its name and your rights there") from None

    @contextlib.contextmanager
    def _lock_local(self) -> Iterator[None]:
        path = Path(self._base, LOCK_FILE)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+")
        except OSError as error:
            raise ShardError(f"output {self.root}: {error.strerror}; choose a folder that can be written") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise self._held(file.read()) from None
            file.truncate(0)
            file.write(json.dumps(_owner()))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)  # the archive goes out: it tells nobody who worked on it, where and when

    @contextlib.contextmanager
    def _lock_remote(self, remote: fs.FileSystem) -> Iterator[None]:
        mine = _owner() | {"token": secrets.token_hex(8)}
        held = self._remote_lock()
        if held is not None and time.time() - held["time"] < _REMOTE_LOCK_STALE_S:
            raise self._held(json.dumps(held))
        self.write_atomic(LOCK_FILE, _lock_text(mine))
        held = self._remote_lock()
        if held is None or held.get("token") != mine["token"]:
            raise self._held(json.dumps(held))
        ended = threading.Event()
        beat = threading.Thread(target=self._renew, args=(mine, ended), daemon=True)
        beat.start()
        try:
            yield
        finally:
            ended.set()
            beat.join()
            held = self._remote_lock()
            if held is not None and held.get("token") == mine["token"]:
                remote.delete_file(f"{self._base}/{LOCK_FILE}")

    def _remote_lock(self) -> dict[str, Any] | None:
        """Return the content of the lock object, or None without a valid one."""
        if not self.exists(LOCK_FILE):
            return None
        try:
            held = json.loads(self.read(LOCK_FILE))
            return held if isinstance(held["time"], float) else None
        except (ValueError, KeyError, TypeError):
            return None

    def _renew(self, mine: dict[str, Any], ended: threading.Event) -> None:
        """Renew the lock until the end, or until it turns out to be another's."""
        while not ended.wait(_REMOTE_LOCK_BEAT_S):
            with contextlib.suppress(ShardError):  # a store that is away for a moment; the next beat tries again
                held = self._remote_lock()
                if held is not None and held.get("token") != mine["token"]:
                    return
                self.write_atomic(LOCK_FILE, _lock_text(mine | {"time": time.time()}))

    def _held(self, text: str) -> ConflictError:
        try:
            holder = json.loads(text)
            who = f"process {holder['pid']} on {holder['host']}"
        except (ValueError, KeyError, TypeError):
            who = "another process"
        return ConflictError(f"output {self.root} is held by {who}; wait for that job, or choose another `out`")


def _lock_text(lock: dict[str, Any]) -> bytes:
    """The lock object's text, of one length: whoever reads while it is renewed reads as many bytes as it had before."""
    return json.dumps(lock).encode().ljust(_REMOTE_LOCK_BYTES)


def _owner() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "time": time.time()}
