"""`raypp site doctor` on a site that works, and on one where each thing is wrong."""

import grpc
import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.stream import doctor, stream
from raypp.edge.cameras_file import CameraSettings
from raypp.errors import RayppError
from raypp.io.private import write_private
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from raypp.veil.spec import PatchSpec
from tests.edge.conftest import SITE
from tests.edge.service import wait_until
from tests.videos import make_video


def _run(command, options: list[str]):
    app = typer.Typer()
    app.command()(command)
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, options)


def _doctor(site, server: str, *more: object) -> tuple[int, str]:
    done = _run(doctor, site.options(server, *more))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_a_site_in_order(site, service):
    make_video(site.folder / "videos" / "a.mp4", seconds=1)
    status, output = _doctor(site, service.address, site.folder / "videos", "--camera", "bench-1")
    assert status == 0, output
    assert "WRONG" not in output
    for word in ("key", "disk", "link", "token", "clock", "veil", "camera bench-1", "1 recordings", "hammer"):
        assert word in output
    assert service.connections == 0
    assert not site.spool.exists()


def test_a_service_of_several_veils_is_asked_for_the_sites_own(site, service):
    service.faults.several = True
    make_video(site.folder / "videos" / "a.mp4", seconds=1)
    status, output = _doctor(site, service.address, site.folder / "videos", "--camera", "bench-1")
    assert status == 0, output
    assert "hammer" in output


def test_a_service_that_does_not_serve_the_sites_veil_says_so_of_the_veil_alone(site, service):
    service.model.veil_id = "cd" * 16
    make_video(site.folder / "videos" / "a.mp4", seconds=1)
    status, output = _doctor(site, service.address, site.folder / "videos", "--camera", "bench-1")
    assert status == 3
    lines = {line.split("  ")[0]: line for line in output.splitlines()}
    assert [what for what, line in lines.items() if "WRONG" in line] == ["veil"]
    assert "cd" * 16 in lines["veil"]
    assert "answers" in lines["link"]
    assert "accepted" in lines["token"]


def test_a_service_that_is_not_deployed_yet_is_told_from_one_without_the_veil(site, service, monkeypatch):
    async def describe(_request, context):
        await context.abort(grpc.StatusCode.NOT_FOUND, "Application 'raypp' not found. Please ...")

    monkeypatch.setattr(service, "DescribeModel", describe)
    service.down()
    service.up()
    status, output = _doctor(site, service.address, make_video(site.folder / "a.mp4", seconds=1), "--camera", "bench-1")
    assert status == 3
    (wrong,) = (line for line in output.splitlines() if "WRONG" in line)
    assert wrong.startswith("link")
    assert "not served yet" in wrong


def test_each_fault_is_named_and_hides_no_other(site, service):
    service.model.size = 640
    masks = site.folder / "masks.yaml"
    masks.write_text("bench-1: 5\n")
    status, output = _doctor(site, service.address, "/nowhere.mp4", "--camera", "bench-1", "--masks", masks)
    assert status == 3
    lines = {line.split("  ")[0]: line for line in output.splitlines() if "WRONG" in line}
    assert set(lines) == {"masks", "veil", "camera bench-1"}
    assert "give --size 640" in lines["veil"]


def test_a_wrong_token_is_told_from_a_dead_link(site, service):
    video = make_video(site.folder / "a.mp4", seconds=1)
    write_private(site.token_path, b"another\n")
    status, output = _doctor(site, service.address, video, "--camera", "bench-1")
    assert status == 3
    assert "UNAUTHENTICATED" in output
    assert "another" not in output
    service.down()
    status, output = _doctor(site, service.address, video, "--camera", "bench-1", "--tls")
    assert status == 3
    assert "cannot be reached" in output


def test_a_camera_that_the_key_does_not_hold(site, service):
    video = make_video(site.folder / "a.mp4", seconds=1)
    status, output = _doctor(site, service.address, video, "--camera", "bench-9")
    assert status == 3
    assert "cannot veil camera bench-9" in output


def test_stream_refuses_before_it_begins_what_cannot_work(site, service):
    video = make_video(site.folder / "a.mp4", seconds=1)
    for options, says in [
        (["--camera", "bench-9", video], "cannot veil camera bench-9"),
        (["--camera", "a/b", video], "a name is 1 to 100"),
        (["--camera", "bench-1", video, "--fps", "x"], "is no rate"),
        (["--camera", "bench-1", "rtsp://a/1", video], "must be its only source"),
        ([video], "give sources and --camera"),
        (["--camera", "bench-1", video, "--cert", video], "go together"),
        (["--camera", "bench-1", video, "--time-from", "name:%Q"], "`time_from` name:%Q"),
    ]:
        done = _run(stream, site.options(service.address, *options))
        assert isinstance(done.exception, RayppError), done.exception
        assert says in str(done.exception)
        assert "\n" not in str(done.exception)
        assert done.output == ""
    assert not service.streams


def test_what_cannot_work_is_one_line_and_exit_status_1(site, service):
    video = make_video(site.folder / "a.mp4", seconds=1)
    assert site.agent(service.address, "--camera", "a/b", video).wait(60) == 1
    (line,) = site.log().strip().splitlines()
    assert "a name is 1 to 100" in line


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("rtsp://admin:se/cret1@127.0.0.1:1/x", "percent-encode"),
        ("rtsp://admin:se@cret1@127.0.0.1:1/x", "percent-encode"),
        ("rtsp://admin:se#cret1@127.0.0.1:1/x", "percent-encode"),
        ("rtsp://127.0.0.1:1/user=admin&password=secret1", "cannot be opened"),
        ("http://127.0.0.1:1/cam?user=admin&pwd=secret1", "cannot be opened"),
        ("rtsp://admin:se cret1@127.0.0.1:1/x", "cannot be opened"),
    ],
)
def test_no_part_of_a_password_is_printed_or_kept(site, service, url, says):
    _, output = _doctor(site, service.address, url, "--camera", "bench-1")
    (line,) = (line for line in output.splitlines() if line.startswith("camera"))
    assert says in line
    assert "127.0.0.1:1" in line
    agent = site.agent_here(service.address, {"bench-1": CameraSettings(source=(url,))})
    wait_until(lambda: "opened again" in site.log())
    agent.stop()
    kept = b"".join(path.read_bytes() for path in site.folder.rglob("*") if path.is_file())
    for secret in ("cret1", "se/", "admin", "secret1"):
        assert secret not in output
        assert secret.encode() not in kept


def test_views_are_shown_with_their_pixels(site, service):
    """A fault of one hides neither the other nor the camera."""
    key = SiteKey.derive_from(
        VeilKey(bytes(range(32))), PatchSpec(), SITE, ["bench-1", "bench-1.hands", "bench-1.tiny"]
    )
    site.key_path.unlink()
    save_site_key(key, site.key_path)
    make_video(site.folder / "videos" / "b.mp4", seconds=1, width=320, height=240)
    (site.folder / "videos" / "a.mp4").write_bytes(b"no video")
    config = site.folder / "cameras.yaml"
    views = "{hands: [0.25, 0.5, 0.75, 1], tiny: [0, 0, 0.05, 0.05]}"
    config.write_text(f"cameras:\n  bench-1:\n    source: {site.folder}/videos\n    views: {views}\n")
    status, output = _doctor(site, service.address, "--config", config)
    assert status == 3
    lines = {line.split("  ")[0]: line for line in output.splitlines()}
    assert "bench-1, bench-1.hands, bench-1.tiny" in lines["key"]
    assert "160x120 pixels of 320x240, veiled 2.0 times as fine as the whole frame" in lines["view bench-1.hands"]
    assert "is 16x12 pixels of 320x240, must be at least 32 each way; enlarge it" in lines["view bench-1.tiny"]
    assert [what for what, line in lines.items() if "WRONG" in line] == ["view bench-1.tiny"]
