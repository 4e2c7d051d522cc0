"""What `raypp stream` and the doctor are told, refuse and say before and after the work; on a real service."""

import re

import grpc
import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.flags import with_flags
from raypp.cli.stream import doctor, stream
from raypp.edge import agent as agent_module
from raypp.edge.cameras_file import CameraSettings
from raypp.edge.spool.camera_spool import LEAST_BYTES, CameraSpool
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.status import CameraStatus, SiteStatus
from raypp.edge.uplink.connection import ServiceConnection
from raypp.edge.uplink.retry import RetryPolicy
from raypp.errors import OptionError, RayppError
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.edge.service import wait_until
from tests.videos import make_video

QUICK = RetryPolicy(0.01, 0.05, 0.02, 0.1, 0.05, 0.2)


def _run(command, *options):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    return CliRunner(env={"COLUMNS": "300", "RAYPP_KEY_FILE": ""}).invoke(app, [str(option) for option in options])


def _without_size(site, server, *more):
    options = site.options(server, *more)
    at = options.index("--size")
    return options[:at] + options[at + 2 :]


@pytest.fixture
def video(site):
    return make_video(site.folder / "a.mp4", seconds=1)


def _refusal(command, *options) -> str:
    done = _run(command, *options)
    assert isinstance(done.exception, RayppError), (done.exception, done.output)
    return with_flags(str(done.exception))  # as the command line shows it


@pytest.mark.parametrize("command", [stream, doctor])
def test_all_that_is_missing_is_told_at_once(command):
    says = _refusal(command)
    for option in ("--camera", "--config", "--site", "--key", "--server", "--token-file", "--spool"):
        assert option in says
    assert "--site" not in _refusal(command, "--site", "plant-1")


def test_without_a_size_the_models_is_taken(site, service, video):
    done = _run(stream, *_without_size(site, service.address, video, "--camera", "bench-1", "--fps", "every"))
    assert done.exit_code == 0, done.output
    (stream_of_camera,) = service.of("bench-1")
    assert stream_of_camera.opened.size == service.model.size == 160
    assert "10 frames captured, 10 committed" in done.output


def test_another_size_is_refused_before_a_spool_is_made(site, service, video):
    for size in (320, 640):
        says = _refusal(stream, *site.options(service.address, video, "--camera", "bench-1", size=size))
        assert "give --size 160" in says
    assert not site.spool.exists()
    assert not service.streams


def test_another_veil_is_refused_before_a_spool_is_made(site, service, video):
    service.model.veil_id = "cd" * 16
    assert "cd" * 16 in _refusal(stream, *site.options(service.address, video, "--camera", "bench-1"))
    assert not site.spool.exists()


def test_what_a_spool_holds_goes_on_whatever_the_service_says(site, service, video):
    options = (video, "--camera", "bench-1", "--fps", "every")
    assert _run(stream, *site.options(service.address, *options)).exit_code == 0
    service.down()
    assert _run(stream, *_without_size(site, service.address, *options)).exit_code == 0
    service.up()
    service.model.size = 320
    done = _run(stream, *site.options(service.address, *options))
    assert done.exit_code == 0
    assert "give --size 320" in done.output


def test_a_size_that_nobody_knows_is_asked_for(site, service, video):
    service.down()
    says = _refusal(stream, *_without_size(site, service.address, video, "--camera", "bench-1"))
    assert "give --size" in says
    assert not site.spool.exists()


@pytest.mark.parametrize("server", ["https://127.0.0.1:9000", "http://127.0.0.1:9000/", "grpc://u:secret@h:1"])
def test_a_url_is_no_server(site, video, server):
    says = _refusal(stream, *site.options(server, video, "--camera", "bench-1"))
    assert "HOST:PORT" in says
    assert "--tls" in says
    assert "secret" not in says


@pytest.mark.parametrize("command", [stream, doctor])
def test_no_token_crosses_a_network_in_the_clear_unless_told_to(site, video, command):
    options = site.options("192.0.2.1:9000", video, "--camera", "bench-1")
    assert "--insecure" in _refusal(command, *options)
    ServiceConnection("192.0.2.1:9000", site.token_path, insecure=True).check()
    ServiceConnection("192.0.2.1:9000", site.token_path, tls=True).check()


def test_nobody_at_a_camera_is_told_to_make_or_use_an_owners_key(site, service, video):
    options = site.options(service.address, video, "--camera", "bench-1")
    at = options.index("--key") + 1
    no_key = site.folder / "no.key"
    no_key.write_text("{}")
    no_key.chmod(0o600)
    outputs = []
    for key in (site.folder / "mistyped.key", no_key):
        given = [*options[:at], str(key), *options[at + 1 :]]
        outputs += [_refusal(stream, *given), _run(doctor, *given).output]
    outputs.append(_refusal(stream, *options, "--site", "plant"))
    outputs.append(_refusal(stream, *options, "--camera", "bench-9"))
    for text in outputs:
        assert not re.search(r"make one|raypp keygen|owner's key", text), text
    assert "--site plant-1" in outputs[-2]
    assert "site key" in outputs[0]


def test_an_owners_key_at_a_camera_is_warned_of(site, service, video):
    owner = site.folder / "owner.key"
    save_owner_key(VeilKey(bytes(range(32))), owner)
    options = [*site.options(service.address, video, "--camera", "bench-1"), "--key", owner]
    assert "owner's key" in _run(stream, *options).output
    assert "look" in next(line for line in _run(doctor, *options).output.splitlines() if line.startswith("key"))


def test_the_agents_spool_and_status_are_for_its_user_alone(site, service, video):
    site.spool.mkdir(mode=0o755)
    (site.spool / "status.json").write_text("of an older agent")
    (site.spool / "status.json").chmod(0o644)
    _run(stream, *site.options(service.address, video, "--camera", "bench-1"))
    entries = [site.spool, *site.spool.rglob("*")]
    assert {entry.stat().st_mode & 0o077 for entry in entries} == {0}


def test_run_again_it_says_that_all_was_sent(site, service, video):
    options = site.options(service.address, video, "--camera", "bench-1", "--fps", "every")
    assert _run(stream, *options).exit_code == 0
    assert "bench-1: all of it was sent before, nothing is left to do" in _run(stream, *options).output


def test_what_waits_is_told_at_the_end_with_the_remedy(site, service):
    video = make_video(site.folder / "long.mp4", seconds=30)
    service.down()
    process = site.agent(service.address, video, "--camera", "bench-1", "--fps", "every", "--realtime")
    wait_until(lambda: "wait in the spool" in site.log())
    process.terminate()
    assert process.wait(60) == 0
    last = site.log().splitlines()[-1]
    assert re.search(rf"[1-9]\d* frames wait in {site.spool}; run the same command again to send them", last)


def test_what_waits_because_it_is_refused_is_not_just_sent_again(site, service, video):
    service.faults.refuse = (grpc.StatusCode.FAILED_PRECONDITION, "this time is committed already")
    process = site.agent(service.address, video, "--camera", "bench-1")
    wait_until(lambda: "is committed already" in site.log())
    process.terminate()
    assert process.wait(60) == 3
    last = site.log().splitlines()[-1]
    assert "see to what the service refuses, as told above, then run the same command again" in last


def test_a_line_a_minute_says_how_it_goes(site, service, monkeypatch):
    monkeypatch.setattr(agent_module, "TELL_EVERY_S", 1.0)
    video = make_video(site.folder / "long.mp4", seconds=30)
    camera = CameraSettings(source=(str(video),), fps="every", realtime=True)
    agent = site.agent_here(service.address, {"bench-1": camera}, chunk_frames=2)
    wait_until(lambda: re.search(r"[1-9]\d*\.\d frames/s captured, [1-9]\d* committed in 1 s, \d+ wait", site.log()))
    agent.stop()


def test_a_minute_names_what_is_silent_and_what_is_refused():
    before = SiteStatus(site="s", at_us=0, cameras={"a": CameraStatus(captured=5), "b": CameraStatus(captured=5)})
    after = SiteStatus(
        site="s",
        at_us=1,
        cameras={"a": CameraStatus(captured=125, committed_frames=40, waiting_frames=80), "b": before.cameras["b"]},
    )
    assert after.minute(before, 60.0) == "2.0 frames/s captured, 40 committed in 60 s, 80 wait; no frame of b"
    refused = SiteStatus(site="s", at_us=1, cameras={"a": CameraStatus(captured=6, refused="why")})
    assert refused.minute(before, 60.0).endswith("0 wait; refused: a")


def test_failures_that_tell_nothing_are_a_refusal_in_the_end(site, service, video):
    service.faults.refuse = (grpc.StatusCode.UNKNOWN, "Unexpected <class 'DecodeError'>")
    agent = site.agent_here(service.address, {"bench-1": CameraSettings(source=(str(video),))}, retry=QUICK)
    wait_until(lambda: agent.camera().refused)
    assert "has failed 6 times in a row" in agent.camera().refused
    service.faults.refuse = None
    assert agent.wait().cameras["bench-1"].refused is None


def test_a_limit_of_the_service_is_no_refusal_and_waits_longer_each_time(site, service, video):
    service.faults.refuse = (grpc.StatusCode.RESOURCE_EXHAUSTED, "site plant-1 has made 600 calls this minute")
    agent = site.agent_here(service.address, {"bench-1": CameraSettings(source=(str(video),))}, retry=QUICK)
    wait_until(lambda: service.connections >= 4)
    assert agent.camera().refused is None
    assert "takes no more of this site just now" in site.log()
    service.faults.refuse = None
    agent.wait()
    assert service.of("bench-1")[0].ended


def test_frames_that_wait_are_counted_over_files_and_commits(site, service, video):
    service.down()
    agent = site.agent_here(
        service.address, {"bench-1": CameraSettings(source=(str(video),), fps="every")}, chunk_frames=3
    )
    wait_until(lambda: agent.camera().captured == 10)
    agent.stop()
    with CameraSpool(site.spool / "bench-1", LEAST_BYTES, DropPolicy.BLOCK) as spool:
        assert spool.pending_frames == 10
        spool.commit(spool.current, 2)
        assert spool.pending_frames == 4
        spool.current._roll(spool.current.last_sequence + 1)
        assert spool.pending_frames == 4
        spool.commit(spool.current, spool.current.last_sequence)
        assert spool.pending_frames == 0


def test_a_mistyped_option_is_an_option_error():
    with pytest.raises(OptionError, match="HOST:PORT"):
        ServiceConnection("raypp", None).check()
