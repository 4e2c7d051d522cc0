"""`raypp site discover` against cameras that answer as ONVIF asks, over real UDP and HTTP, and as it does not."""

import json
import socket
import stat
from datetime import timedelta

import av
import pytest

from raypp.edge.cameras_file import SiteCameras
from tests.command import environment, raypp
from tests.edge.live_camera import LiveCamera
from tests.edge.onvif.camera import PASSWORD, USER, OnvifCamera
from tests.videos import make_video


def _named(text: str) -> dict[str, str]:
    return environment(RAYPP_CAMERA_USER=USER, RAYPP_CAMERA_PASSWORD=text)


def _discover(*arguments, password=PASSWORD):
    done = raypp("site", "discover", *arguments, env=_named(password))
    for secret in (PASSWORD, "Gr&amp;n", "Gr%26n", "pw-of-stream"):
        assert secret not in done.stdout + done.stderr
    return done


def test_a_camera_of_the_network_is_listed_written_and_streams(tmp_path):
    with LiveCamera(make_video(tmp_path / "video.mp4", seconds=1.0), times=3) as live:
        stream = live.url.replace("user:secret@", "").partition("?")[0]
        with OnvifCamera(stream, hears=True) as camera:
            done = _discover(
                "--interface", "127.0.0.1", "--seconds", "3",
                "--out", tmp_path / "cameras.yaml", "--json", tmp_path / "found.json",
            )  # fmt: skip
        lines = done.stdout.splitlines()
        head = lines.index("127.0.0.1  Gate North  Acme C-7")
        assert lines[head + 1] == f"  main  H264 1920x1080 at 25/s  {stream}"
        assert lines[head + 2] == f"  sub  H264 704x480 at 10/s  {stream}"
        assert any("answers with what is no XML" in line for line in lines)
        assert done.returncode == 3  # for that answer
        assert all(PASSWORD.encode() not in request for request in camera.requests)
        assert PASSWORD not in (tmp_path / "found.json").read_text()
        listed = json.loads((tmp_path / "found.json").read_text())["cameras"]
        assert [profile["width"] for each in listed for profile in each["profiles"]] == [1920, 704]
        assert stat.S_IMODE((tmp_path / "cameras.yaml").stat().st_mode) == 0o600
        (source,) = SiteCameras.load(tmp_path / "cameras.yaml").cameras["Gate-North"].source
        assert source.startswith("http://viewer:Gr%26n%3C1%2F%40@127.0.0.1:")
        with av.open(source, timeout=20) as container:
            assert next(container.decode(video=0)).width == 160
        assert live.connections == 1


@pytest.mark.parametrize(
    ("camera", "says"),
    [
        ({"answer": b"<html>login</html>"}, "answers GetDeviceInformation with XML that is no SOAP"),
        ({"answer": b"\xff\xfe\x00"}, "answers with what is no XML"),
        ({"answer": b"<a>" + b"x" * (2 << 20)}, "answers with more than 1,048,576 bytes"),
        ({"answer": b'<!DOCTYPE a [<!ENTITY b "bbb">]><a>&b;</a>'}, "declares a document type or entities"),
        ({"stream": "file:///etc/passwd"}, "gives a stream URL that is none of a live camera"),
    ],
)
def test_what_answers_badly_has_one_line_and_stops_no_other(camera, says):
    with OnvifCamera(**camera) as bad, OnvifCamera() as good:
        done = _discover(bad.address, good.service)
    assert done.returncode == 3
    wrong, right, *_ = done.stdout.splitlines()
    assert says.replace("GetDeviceInformation", "GetSystemDateAndTime") in wrong
    assert right == "127.0.0.1  Acme C-7"
    assert "2 cameras answered, 1 cannot be used as they are" in done.stderr


def test_a_wrong_password_is_said_and_one_that_is_missing_too():
    with OnvifCamera(skew=timedelta(hours=-2)) as camera:
        wrong = _discover(camera.address, password="pw-of-stream")
        none = raypp("site", "discover", camera.address)
    assert "refuses user or password" in wrong.stdout
    assert "its clock is -720" in wrong.stdout
    assert len(camera.requests) == 4, "a camera may lock its users: one try each"
    assert "wants a user and a password; give --credentials-file" in none.stdout


def test_a_camera_whose_clock_is_off_is_read_by_its_own_time_and_named(tmp_path):
    secret = tmp_path / "cameras.secret"
    secret.write_text(f"nobody:else\n127.0.0.1 {USER}:{PASSWORD}\n")
    secret.chmod(0o600)
    stream = "rtsp://admin:pw-of-stream@10.0.0.7:554/user=admin&password=pw-of-stream?x=1"
    with OnvifCamera(stream, skew=timedelta(hours=5)) as camera:
        done = _discover(camera.address, "--credentials-file", secret)
        secret.chmod(0o644)
        opened = _discover(camera.address, "--credentials-file", secret)
    assert done.returncode == 0
    assert "its clock is +1" in done.stdout
    assert "main  H264 1920x1080 at 25/s  rtsp://10.0.0.7:554/...?..." in done.stdout
    assert "is open to others" in opened.stderr


def test_who_does_not_answer_in_time_is_named_while_others_are_listed():
    with socket.create_server(("127.0.0.1", 0)) as silent, OnvifCamera() as good, OnvifCamera(drips=True) as slow:
        done = _discover(f"127.0.0.1:{silent.getsockname()[1]}", slow.address, good.address, "--seconds", "2")
    assert done.stdout.count("127.0.0.1: does not answer within 2 s") == 2
    assert "Acme C-7" in done.stdout


def test_an_answer_that_names_another_host_is_not_followed():
    with OnvifCamera(hears=True, elsewhere=True) as camera:
        done = _discover("--interface", "127.0.0.1", "--seconds", "1")
    assert "127.0.0.1: names no service on its own address" in done.stdout
    assert not camera.requests


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["user:pw-of-stream@10.0.0.5"], "an address with a user or a password cannot be used"),
        (["ftp://10.0.0.5"], "cannot be used; give a host"),
        (["--interface", "192.0.2.1"], "--interface 192.0.2.1 cannot be used"),
    ],
)
def test_addresses_and_interfaces_that_cannot_be_used_are_named(arguments, says):
    done = _discover(*arguments)
    assert done.returncode == 1
    assert says in done.stderr
