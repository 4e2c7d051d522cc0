import socket
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

from raypp.errors import OptionError, RayppError
from raypp.io.ports import reserved_ports
from raypp.io.private import write_private
from raypp.serving.metrics_address import MetricsAddress

HERE = MetricsAddress(9464)
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    write_private(tmp_path / "metrics.token", b"0123456789abcdef\n")
    return tmp_path / "metrics.token"


def test_other_machines_read_metrics_with_a_token_alone(token_file: Path) -> None:
    HERE.check()
    for host in (EVERYWHERE, "192.0.2.7", "::"):
        with pytest.raises(OptionError, match=r"^`metrics_host` .* lets other machines read metrics.*; give `metrics_"):
            replace(HERE, host=host).check()
        replace(HERE, host=host, token_file=token_file).check()
    with pytest.raises(OptionError, match="`metrics_host` 'plant' is no address"):
        replace(HERE, host="plant", token_file=token_file).check()


def test_a_token_that_is_short_open_or_missing_is_refused(token_file: Path) -> None:
    with_token = replace(HERE, token_file=token_file)
    token_file.chmod(0o644)
    with pytest.raises(OptionError, match="is open to others"):
        with_token.check()
    token_file.chmod(0o600)
    token_file.write_text("short\n")
    with pytest.raises(OptionError, match=r"metrics' token file .* has fewer than 16 bytes; make one with `openssl"):
        with_token.check()
    token_file.unlink()
    with pytest.raises(OptionError, match=r"metrics' token file .*: No such file"):
        with_token.check()


def test_a_key_without_a_certificate_and_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"`metrics_key` .* is of no certificate"):
        replace(HERE, key=tmp_path / "key.pem").check()
    with pytest.raises(OptionError, match=r"`metrics_certificate` .*cert.pem is no file"):
        replace(HERE, certificate=tmp_path / "cert.pem").check()
    (tmp_path / "cert.pem").write_text("no certificate\n")
    with pytest.raises(OptionError, match=r"^`metrics_certificate` .*cert.pem cannot be used for TLS; give a PEM"):
        replace(HERE, certificate=tmp_path / "cert.pem").check()


def test_it_says_where_metrics_are_and_who_may_read_them(token_file: Path) -> None:
    assert HERE.line() == "http://127.0.0.1:9464/metrics  no token"
    secured = replace(HERE, host="::1", token_file=token_file, certificate=Path("c.pem")).line()
    assert secured == f"https://[::1]:9464/metrics  with the token of {token_file}"
    assert "0123456789abcdef" not in secured


def test_what_starts_waits_until_metrics_are_exported() -> None:
    (port,) = reserved_ports(1)
    address = replace(HERE, port=port)
    with pytest.raises(
        RayppError, match=rf"^nobody exports metrics at http://127\.0\.0\.1:{port}/metrics after 0\.3 s"
    ):
        address.wait_for(0.3)
    with socket.socket() as exporter:
        exporter.bind(("127.0.0.1", port))
        later = Timer(0.5, exporter.listen)
        later.start()
        address.wait_for(30)
        assert later.finished.is_set()
        later.join()
