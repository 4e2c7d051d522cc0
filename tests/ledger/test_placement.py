from pathlib import Path

import pytest

from raypp.errors import LedgerError
from raypp.ledger.placement import network_filesystem, refuse_network_filesystem, refuse_several_nodes

MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /mnt/nas rw shared:2 master:1 - nfs4 nas:/export rw,vers=4.2
24 23 0:22 / /mnt/nas/local rw - xfs /dev/vdb rw
25 22 0:23 / /mnt/with\040space rw - cifs //server/share rw
26 22 0:24 / /mnt/ssh rw - fuse.sshfs host:/ rw
27 22 0:25 / /mnt/usb rw - fuseblk /dev/sdb1 rw
28 22 0:26 / /mnt/overlay rw - fuse.fuse-overlayfs overlay rw
29 22 0:27 / /host rw - 9p share rw
30 22 0:28 / /over rw - nfs nas:/a rw
31 22 0:29 / /over rw - tmpfs tmpfs rw
a broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/ledger.db", None),
        ("/mnt/nas/ledger.db", "nfs4"),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas2/ledger.db", None),
        ("/mnt/nas/local/ledger.db", None),
        ("/mnt/with space/ledger.db", "cifs"),
        ("/mnt/ssh/a/b", "fuse.sshfs"),
        ("/mnt/usb/ledger.db", None),
        ("/mnt/overlay/ledger.db", None),
        ("/host/ledger.db", "9p"),
        ("/over/ledger.db", None),
    ],
)
def test_the_deepest_and_latest_mount_counts(path: str, kind: str | None):
    assert network_filesystem(path, MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "smb3", "ceph", "fuse.glusterfs", "lustre", "fuse.s3fs", "beegfs"])
def test_kinds_of_network_filesystems(kind: str):
    assert (
        network_filesystem("/x/y", f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / /x rw - {kind} remote rw\n") == kind
    )


def test_a_network_filesystem_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {tmp_path}/far rw - nfs4 nas:/ rw\n")
    monkeypatch.setattr("raypp.ledger.placement._MOUNTS", mounts)
    refuse_network_filesystem(tmp_path / "near" / "ledger.db")
    (tmp_path / "link").symlink_to(tmp_path / "far")
    for folder in ("far", "link"):
        with pytest.raises(LedgerError, match="nfs4, a network filesystem"):
            refuse_network_filesystem(tmp_path / folder / "ledger.db")


def test_one_node_for_a_file():
    refuse_several_nodes(["sqlite:///ledger.db"], 1)
    refuse_several_nodes(["postgresql+psycopg://raypp@db/ledger"], 5)
    with pytest.raises(LedgerError, match="2 nodes"):
        refuse_several_nodes(["postgresql+psycopg://raypp@db/ledger", "sqlite:///ledger.db"], 2)
