"""What is shown of addresses: no user, no password, no query, whatever stands in them; and what is left is of use."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.errors import MediaError, RayppError
from raypp.text.address import has_unclear_password, redacted, redacted_camera


@pytest.mark.parametrize(
    ("url", "camera", "file"),
    [
        ("rtsp://admin:se/cret1@10.0.0.5:554/x", "rtsp://10.0.0.5:554", "rtsp://10.0.0.5:554"),
        ("rtsp://admin:se@cret1@10.0.0.5/x", "rtsp://10.0.0.5", "rtsp://10.0.0.5"),
        ("rtsp://admin:se#cret1@10.0.0.5/x", "rtsp://10.0.0.5", "rtsp://10.0.0.5"),
        ("rtsp://10.0.0.5/user=admin&password=secret1&channel=1", "rtsp://10.0.0.5", "rtsp://10.0.0.5"),
        ("http://10.0.0.5:80/v.cgi?user=admin&pwd=secret1", "http://10.0.0.5:80", "http://10.0.0.5:80/v.cgi?..."),
        ("http://[fe80::1]:80/v?pwd=secret1", "http://[fe80::1]:80", "http://[fe80::1]:80/v?..."),
        ("s3://AKIA:se/cret1@bucket/a/b.mp4", "s3://bucket", "s3://bucket/a/b.mp4"),
        ("s3://bucket/team@home/b.mp4", "s3://bucket", "s3://bucket/team@home/b.mp4"),
        ("https://h/b.mp4?X-Amz-Signature=secret1", "https://h", "https://h/b.mp4?..."),
        ("postgresql+psycopg://me:se/cret1@db/raypp?password=secret1", "postgresql+psycopg://db", None),
        ("sqlite:////var/lib/a@b.db", "sqlite://", "sqlite:////var/lib/a@b.db"),
        ("/videos/a@b:c.mp4", "/videos/a@b:c.mp4", "/videos/a@b:c.mp4"),
        ("/dev/video0", "/dev/video0", "/dev/video0"),
    ],
)
def test_what_is_left_of_a_url(url, camera, file):
    assert redacted_camera(url) == camera
    assert redacted(url) == (file or "postgresql+psycopg://db/raypp?...")
    assert redacted(f"cannot open '{url}': no") == f"cannot open '{redacted(url)}': no"


def test_text_around_urls_stays():
    assert redacted("from rtsp://u:p@h/1, then (http://h/a.mp4).") == "from rtsp://h, then (http://h/a.mp4)."
    assert redacted("use sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME") == (
        "use sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME"
    )


_PASSWORD = st.text(st.sampled_from("aZ09/@?#:&=%+;!$*()[]{}~^|,.-_"), min_size=1, max_size=12).map(
    lambda s: f"Qx{s}Yw"
)
_SCHEME = st.sampled_from(["rtsp", "http", "https", "s3", "postgresql+psycopg", "RTSP"])


@given(_SCHEME, _PASSWORD, st.sampled_from(["", ":554"]))
def test_no_password_survives_however_it_is_spelt(scheme, password, port):
    url = f"{scheme}://admin:{password}@cam.example{port}/s1"
    for text in (redacted(url), redacted(f"x {url} y"), redacted_camera(url), str(MediaError(f"{url}: no"))):
        assert "Qx" not in text
        assert "Yw" not in text
        assert "admin" not in text
        assert f"cam.example{port}" in text


def test_errors_hold_none_in_text_arguments_or_copies():
    error = RayppError("video https://u:secret@h/a.mp4?sig=secret is damaged")
    for raised in (error, copy.copy(error)):
        assert "secret" not in f"{raised} {raised!r} {raised.args}"
        assert "https://h/a.mp4" in str(raised)


@pytest.mark.parametrize(
    ("url", "unclear"),
    [
        ("rtsp://admin:se/cret@h/1", True),
        ("rtsp://admin:se@cret@h/1", True),
        ("rtsp://admin:secret@h/1", False),
        ("rtsp://admin:se%2Fcret@h/1", False),
        ("http://h:80/video", False),
        ("/dev/video0", False),
    ],
)
def test_a_password_that_should_be_encoded_is_told_from_one_that_is(url, unclear):
    assert has_unclear_password(url) is unclear
