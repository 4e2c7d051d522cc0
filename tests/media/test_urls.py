"""URLs name the file that they say, whatever characters its name has."""

import functools
import http.server
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from raypp.errors import RayppError, SourceReadError
from raypp.io.filesystem import filesystem_of
from raypp.media.discovery import discover
from raypp.media.files import list_files, open_source

_NAMES = ("gate x.mp4", "gate%20x.mp4", "cam#1.mp4", "a?b=c.mp4", "100%.mp4", "früh.mp4", "a/b+c&d.mp4")


def _content(url: str) -> bytes:
    stream = open_source(url)
    try:
        return stream.read(stream.size)
    finally:
        stream.close()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket with all names, and one key that has an empty part."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t", "AWS_REGION": "us-east-1"}.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        client.create_bucket(Bucket="plant")
        for name in _NAMES:
            client.put_object(Bucket="plant", Key=f"videos/{name}", Body=name.encode())
        client.put_object(Bucket="plant", Key="odd//video.mp4", Body=b"x")
        yield f"{host}:{port}"
    server.stop()


def _all_names_are_found(root: str) -> None:
    listed = list_files(root)
    assert sorted(_content(file.url).decode() for file in listed) == sorted(_NAMES)
    files = discover([root]).files
    assert {file.relative: _content(file.url).decode() for file in files} == {name: name for name in _NAMES}
    for file in files:
        (alone,) = discover([file.url]).files
        assert _content(alone.url) == _content(file.url)


def test_every_name_in_a_folder_is_found_by_its_url(tmp_path: Path) -> None:
    for name in _NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    _all_names_are_found(f"file://{tmp_path}")
    assert _content(f"file://{tmp_path}/gate%20x.mp4") == b"gate x.mp4"
    assert _content(f"file://{tmp_path}/gate x.mp4") == b"gate x.mp4"


@pytest.mark.parametrize("by", ["environment", "query"])
def test_every_name_in_a_bucket_is_found_by_its_url(bucket: str, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    query = ""
    if by == "environment":
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{bucket}")
    else:
        query = f"?region=us-east-1&scheme=http&endpoint_override={bucket}"
    _all_names_are_found(f"s3://plant/videos{query}")


def test_a_key_with_an_empty_part_is_named(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{bucket}")
    (file,) = list_files("s3://plant/odd")
    assert file.url == "s3://plant/odd//video.mp4"
    with pytest.raises(SourceReadError, match=r"s3://plant/odd//video\.mp4: a key with an empty part"):
        open_source(file.url)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_plain_web_server_gives_whole_files(tmp_path: Path) -> None:
    (tmp_path / "gate x.mp4").write_bytes(bytes(range(256)) * 5000)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        assert _content(f"{root}/gate%20x.mp4") == (tmp_path / "gate x.mp4").read_bytes()
        assert [(file.url, file.size) for file in list_files(root)] == [(f"{root}/gate%20x.mp4", 1_280_000)]
        with pytest.raises(SourceReadError, match="No such file"):
            open_source(f"{root}/gone.mp4")
        server.shutdown()


def test_a_query_of_a_web_address_is_no_part_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "gate x.mp4").write_bytes(b"video")
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/gate%20x.mp4?sig=a/b%2Fc&name=other.txt"
        inventory = tmp_path / "list.csv"
        inventory.write_text(f"url\n{url}\n")
        for source in (url, str(inventory)):
            (file,) = discover([source]).files
            assert file.relative == "gate x.mp4"
            assert _content(file.url) == b"video"
        server.shutdown()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a.mp4", "s3://plant/a.mp4?region=us-east-1&endpoint_override=127.0.0.1:1"]
)
def test_what_cannot_be_reached_is_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceReadError) as raised:
        open_source(url)
    assert len(str(raised.value).splitlines()) == 1


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(RayppError, match="use a path, or a URL"):
        filesystem_of("nonsense://a/b.mp4")
