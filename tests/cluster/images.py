"""Images, built by buildah from the recipes of cluster/images and run by podman, in a storage of their own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.command import ROOT

BASE_VARIABLE = "RAYPP_PYTHON_IMAGE"
"""Names a base image by its digest, in place of one that is made of Debian's packages."""
STORAGE_VARIABLE = "RAYPP_IMAGE_STORAGE"
"""Names a folder that keeps images and layers for the next run, in place of one that is thrown away."""
_BASE = "localhost/python-base"
_PACKAGES = "python3.11,python3.11-venv,python-is-python3,libgomp1,ca-certificates"
_NEEDED = ("buildah", "podman", "runc", "mmdebstrap")
CLOSED = (
    "--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp",
    "--cap-drop", "all", "--security-opt", "no-new-privileges",
)  # fmt: skip
"""Options of podman for a container that can write below /tmp and to its volumes alone, and gains no rights."""
_LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")
"""The usual ones are higher than some machines allow."""


class Images:
    """Builds and runs images.

    Args:
        folder: of their storage; a name in it may hold no more than 50 characters, so a short path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._storage = ("--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "overlay")

    def base(self) -> str:
        """Name a base image by its digest; it is made of Debian's packages unless the environment names one."""
        given = os.environ.get(BASE_VARIABLE)
        if given:
            return given
        if not self._buildah("images", "--quiet", "--filter", f"reference={_BASE}"):
            self._make_base()
        digest = self._buildah("images", "--digests", "--format", "{{.Digest}}", _BASE)
        return f"{_BASE}@{digest}"

    def _make_base(self) -> None:
        tarball = self._folder / "base.tar"
        _call("mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", tarball)
        container = self._buildah("from", "scratch")
        self._buildah("add", "--quiet", container, tarball, "/")
        self._buildah("commit", "--quiet", "--rm", container, _BASE)
        tarball.unlink()

    def build(self, recipe: str, base: str, tag: str, **arguments: str) -> None:
        """Build an image as its recipe says, with this machine's certificates and settings of pip."""
        settings = self._folder / "pip.conf"
        certificates = os.environ.get("PIP_CERT", "/etc/ssl/certs/ca-certificates.crt")
        index = os.environ.get("PIP_INDEX_URL")
        settings.write_text(f"[global]\ncert = {certificates}\n" + (f"index-url = {index}\n" if index else ""))
        given = {"PYTHON_IMAGE": base, **arguments}
        self._buildah(
            "bud", "--isolation", "chroot", "--layers", "--volume", "/etc/ssl/certs:/etc/ssl/certs:ro",
            "--volume", f"{settings}:/etc/pip.conf:ro", "--file", ROOT / "cluster" / "images" / recipe,
            *(word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")), "--tag", tag, ROOT,
        )  # fmt: skip

    def size(self, tag: str) -> str:
        """Say how much an image takes unpacked, with all its layers."""
        return self._buildah("images", "--format", "{{.Size}}", tag)

    @contextmanager
    def mounted(self, tag: str) -> Iterator[Path]:
        """Give the folder of an image's files, which must not be changed."""
        yield Path(_call(*self._podman, "image", "mount", tag))
        _call(*self._podman, "image", "unmount", tag)

    @contextmanager
    def secret(self, name: str, file: Path) -> Iterator[None]:
        """Keep a secret for a while, which `--secret` mounts into containers."""
        _call(*self._podman, "secret", "create", name, file)
        try:
            yield
        finally:
            _call(*self._podman, "secret", "rm", name)

    def run(self, tag: str, options: Sequence[object], *command: object) -> "subprocess.CompletedProcess[str]":
        """Run an image, with a root file system that is read-only and a `/tmp` of its own."""
        return self._ended("run", "--rm", *CLOSED, *_LIMITS, *options, tag, *command)

    @contextmanager
    def running(self, name: str, tag: str, options: Sequence[object], *command: object) -> Iterator[None]:
        """Start a container, as `run` would, which goes on in the background and is removed afterwards."""
        _call(*self._podman, "run", "--detach", "--name", name, *CLOSED, *_LIMITS, *options, tag, *command)
        try:
            yield
        finally:
            _call(*self._podman, "rm", "--force", "--time", 5, name)

    def execute(self, name: str, *command: object) -> "subprocess.CompletedProcess[str]":
        """Run a command in a container that goes on."""
        return self._ended("exec", name, *command)

    @property
    def _podman(self) -> tuple[object, ...]:
        return ("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", *self._storage)

    def _ended(self, *words: object) -> "subprocess.CompletedProcess[str]":
        call = [str(word) for word in (*self._podman, *words)]
        return subprocess.run(call, capture_output=True, text=True, check=False, timeout=1200)

    def _buildah(self, *words: object) -> str:
        return _call("buildah", *self._storage, *words)


@contextmanager
def image_storage() -> Iterator[Images]:
    """Give a storage of images, which is gone afterwards; skips the test where the programs cannot be had."""
    missing = [program for program in _NEEDED if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and {' '.join(_NEEDED)}: apt-get install --no-install-recommends {' '.join(missing)}")
    kept = os.environ.get(STORAGE_VARIABLE)
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="i-", dir="/var/tmp") as folder:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            yield Images(Path(folder).resolve())
        finally:
            subprocess.run(["umount", "--quiet", f"{folder}/root/overlay"], check=False)


def _call(*words: object) -> str:
    environment = {**os.environ, "TMPDIR": "/var/tmp"}
    call = [str(word) for word in words]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout.strip()
