"""Where an embedded ledger may lie: SQLite's locks hold on local disks of one machine only."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.engine import make_url

from raypp.errors import LedgerError

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs",
    "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs",
}  # fmt: skip
_NETWORK_FUSE = {
    "blobfuse", "blobfuse2", "ceph", "curlftpfs", "davfs", "gcsfuse", "glusterfs", "goofys", "juicefs", "mfs",
    "mount-s3", "mountpoint-s3", "rclone", "s3fs", "smbnetfs", "sshfs",
}  # fmt: skip


def network_filesystem(path: str, mountinfo: str) -> str | None:
    """Type of the network filesystem that a path lies on, or None where it lies on a local one.

    Args:
        path: absolute, without symbolic links; it need not exist.
        mountinfo: the text of /proc/self/mountinfo (proc(5)).
    """
    deepest, filesystem = -1, ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, types = before.split(" "), after.split(" ")
        if len(fields) < 5 or not types[0]:
            continue
        place = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4])
        inside = path == place or path.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= deepest:  # of two on one place, the later hides the earlier
            deepest, filesystem = len(place), types[0]
    kind, _, fuse = filesystem.partition(".")
    remote = kind in _NETWORK or (kind == "fuse" and fuse in _NETWORK_FUSE)
    return filesystem if remote else None


def refuse_network_filesystem(path: Path) -> None:
    """Raise LedgerError where a SQLite file would lie on a network filesystem: its locks do not hold there."""
    try:
        mounts = _MOUNTS.read_text(errors="replace")
    except OSError:
        return  # not Linux: nothing is known
    kind = network_filesystem(os.path.realpath(path), mounts)
    if kind:
        raise LedgerError(
            f"ledger {path} lies on {kind}, a network filesystem, where SQLite's locks do not hold; "
            "put it on a local disk, or use postgresql+psycopg://"
        )


def refuse_several_nodes(urls: Iterable[str], nodes: int) -> None:
    """Raise LedgerError where a service on several nodes would use a ledger that only one of them can reach.

    A service calls this with the number of nodes that may run its replicas, before it starts them.
    """
    for url in urls:
        if nodes > 1 and make_url(url).get_backend_name() == "sqlite":
            raise LedgerError(
                f"ledger {url} is a file of one machine, and the service has {nodes} nodes; "
                "use postgresql+psycopg://, or one node"
            )
