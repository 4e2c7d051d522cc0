"""An image is built from its recipe, and runs as the docs say: as a user without rights, and read-only."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypp.ledger.check.ledger import check_ledger
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from tests.cluster.images import Images, image_storage
from tests.serving.bundles import SIZE, SPEC, write_eager_bundle
from tests.serving.running import running_service
from tests.videos import make_video

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

_USER = 10001
_EDGE = "localhost/raypp-edge"
_PROBE = "id -u; touch /x || echo read-only; touch /tmp/x && echo writable; ls /opt/raypp/bin | grep -cx pip"


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    with image_storage() as storage:
        yield storage


@pytest.fixture(scope="module")
def base(images: Images) -> str:
    return images.base()


@pytest.mark.ray
def test_the_edge_image_streams_to_a_service(images: Images, base: str, tmp_path: Path) -> None:
    images.build("Containerfile.edge", base, _EDGE)
    probe = images.run(_EDGE, ["--network", "none", "--entrypoint", "/bin/sh"], "-c", _PROBE)
    assert probe.stdout.split() == [str(_USER), "read-only", "writable", "0"]
    key = SiteKey.derive_from(VeilKey(bytes(range(32))), SPEC, "plant-1", ["gate"])
    (site := tmp_path / "site").mkdir()
    save_site_key(key, site / "site.key")
    make_video(site / "video.mp4", seconds=2)
    write_eager_bundle(tmp_path / "tools.model", veil_id=key.veil_id(SPEC))
    with running_service(tmp_path, {}) as service:
        (site / "token").write_text(service.site("plant-1"))
        for path in (site / "site.key", site / "token"):
            path.chmod(0o600)
            os.chown(path, _USER, _USER)
        done = images.run(
            _EDGE, ["--network", "host", "--volume", f"{site}:/etc/raypp:ro", "--volume", "raypp-spool:/spool"],
            "/etc/raypp/video.mp4", "--site", "plant-1", "--camera", "gate", "--server", f"127.0.0.1:{service.port}",
            "--key", "/etc/raypp/site.key", "--token-file", "/etc/raypp/token", "--spool", "/spool",
            "--size", SIZE, "--fps", "every", "--time-from", "2026-03-02T06:00",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        with service.ledger() as ledger:
            (stream,) = ledger.streams("plant-1")
            assert [frame.frame_index for frame in ledger.frames(stream.stream)] == list(range(20))
            assert check_ledger(ledger).problems == ()
