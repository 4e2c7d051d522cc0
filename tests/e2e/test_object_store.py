"""Archives on an object store: read by ranges, and written whole."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from tests.command import environment, succeed, summary
from tests.videos import make_video

_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ.update(_CREDENTIALS)
    yield f"http://{host}:{port}"
    server.stop()
    for name in _CREDENTIALS:
        os.environ.pop(name)


def test_an_archive_on_s3_is_read_little_more_than_once_and_gives_the_same_shards(
    endpoint: str, tmp_path: Path
) -> None:
    videos = [make_video(tmp_path / "in" / "hall" / f"{n}.mp4", 60, 10, 640, 360, seed=n) for n in range(2)]
    assert all(video.stat().st_size > 4e6 for video in videos)
    s3 = fs.S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )
    s3.create_dir("plant")
    fs.copy_files(str(tmp_path / "in"), "plant/in", source_filesystem=fs.LocalFileSystem(), destination_filesystem=s3)
    env = environment(AWS_ENDPOINT_URL=endpoint, **_CREDENTIALS)
    key = tmp_path / "owner.key"
    succeed("keygen", "--out", key)
    options = ("--key", key, "--fps", 1, "--size", 160, "--segment-seconds", 20, "--shard-mb", 0.05, "--on", "local")
    report = tmp_path / "summary.json"
    succeed("veil", "s3://plant/in", "--out", tmp_path / "remote", *options, "--json", report, env=env)
    succeed("veil", tmp_path / "in", "--out", tmp_path / "local", *options)
    read = summary(report)
    assert read["segments"] > len(videos)
    assert read["frames"] == 2 * 60
    assert read["bytes_read"] <= 1.1 * read["source_bytes"], read["bytes_read"] / read["source_bytes"]
    remote = {path.name: path.read_bytes() for path in (tmp_path / "remote").rglob("*.parquet")}
    local = {path.name: path.read_bytes() for path in (tmp_path / "local").rglob("*.parquet")}
    assert remote == local


def test_an_archive_is_written_to_s3_and_verified_there(endpoint: str, tmp_path: Path) -> None:
    video = make_video(tmp_path / "video.mp4")
    s3 = fs.S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )
    s3.create_dir("veiled")
    env = environment(AWS_ENDPOINT_URL=endpoint, **_CREDENTIALS)
    key = tmp_path / "owner.key"
    succeed("keygen", "--out", key)
    options = ("--out", "s3://veiled/archive", "--private", tmp_path / "private", "--key", key, "--on", "local")
    succeed("veil", video, *options, env=env)
    assert "nothing missing" in succeed("verify", "s3://veiled/archive", env=env).stderr
    report = tmp_path / "again.json"
    succeed("veil", video, *options, "--json", report, env=env)
    assert summary(report)["segments_veiled"] == 0
    signer = summary(report)["signed_by"]
    signed = succeed("verify", "s3://veiled/archive", "--fingerprint", signer, env=env)
    assert f"signed by {signer} (the key you gave)" in signed.stderr
