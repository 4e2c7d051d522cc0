"""The real service behind a real nginx: TLS, certificates, the secret."""

import socket
import ssl
import warnings
from pathlib import Path

import grpc
import pytest

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.io.ports import free_ports
from raypp.io.private import write_private
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from tests.command import raypp
from tests.e2e.serve.talk import SECRET, Code, Site, get_page
from tests.serving.bundles import SPEC, VEIL, some_codes
from tests.serving.front import Authority, running_front
from tests.serving.running import (
    Camera,
    Connection,
    Service,
)

pytestmark = pytest.mark.ray


def test_the_front_speaks_tls_and_adds_the_secret(service: Service, site: Site, tmp_path: Path) -> None:
    (port,), token = free_ports(1), dict(site[1])["authorization"]
    metadata = (("authorization", token), ("x-raypp-front", "a client's own"))
    places = f"127.0.0.1:{service.port}", f"127.0.0.1:{service.http_port}"
    with running_front(tmp_path / "front", *places, SECRET, port, verify=False) as authority:
        channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(authority.pem))
        codes = some_codes(12)
        with Connection(Camera(site[0], "gate"), SitesStub(channel), metadata) as stream:
            stream.open()
            for sequence in range(1, 4):
                stream.chunk(sequence, codes[4 * sequence - 4 : 4 * sequence], 4 * sequence, last=sequence == 3)
                assert stream.committed().sequence == sequence
            assert stream.finish() == []
        with pytest.raises(grpc.RpcError) as caught:
            SitesStub(grpc.insecure_channel(f"127.0.0.1:{port}")).DescribeModel(
                pb.DescribeModelRequest(), metadata=metadata, timeout=10
            )
        assert caught.value.code() in {Code.UNAVAILABLE, Code.INTERNAL, Code.DEADLINE_EXCEEDED}
        context = ssl.create_default_context(cadata=authority.pem.decode())
        status, _ = get_page(f"https://127.0.0.1:{port}/api/sites", context, Authorization=token)
        assert status == 200
        for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert _handshake(port, authority.pem, version) == (version is not ssl.TLSVersion.TLSv1_1)
        for path in ("/-/routes", "/-/healthz"):
            assert get_page(f"https://127.0.0.1:{port}{path}", context)[0] == 404
        for method, room in (("ListEpisodes", 66 << 10), ("DetectFrames", 2113 << 10)):
            call = channel.unary_unary(f"/raypp.v1.Sites/{method}")
            with pytest.raises(grpc.RpcError) as caught:
                call(bytes(room), metadata=metadata, timeout=20)
            assert (caught.value.code(), "larger" in caught.value.details()) == (Code.RESOURCE_EXHAUSTED, True), method
        log = (tmp_path / "front" / "access.log").read_text()
        assert token.split()[1] not in log


def test_the_front_may_ask_sites_for_certificates(service: Service, site: Site, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    metadata = (("authorization", dict(site[1])["authorization"]),)
    places = f"127.0.0.1:{service.port}", f"127.0.0.1:{service.http_port}"
    with running_front(tmp_path / "front", *places, SECRET, port, verify=True) as authority:

        def described(*client: bytes) -> Code:
            certificate, key = client or (None, None)
            credentials = grpc.ssl_channel_credentials(authority.pem, key, certificate)
            stub = SitesStub(grpc.secure_channel(f"127.0.0.1:{port}", credentials))
            try:
                answer = stub.DescribeModel(pb.DescribeModelRequest(), metadata=metadata, timeout=20)
            except grpc.RpcError as error:
                return error.code()
            assert answer.model.veil_id == VEIL
            return Code.OK

        assert described(*authority.issue("plant", server=False)) is Code.OK
        assert described() is not Code.OK
        assert described(*authority.issue("plant", server=False, expired=True)) is not Code.OK
        assert described(*Authority.make("another").issue("plant", server=False)) is not Code.OK


def test_the_front_says_so_in_grpc_where_the_service_is_away(tmp_path: Path) -> None:
    port, nobody_port = free_ports(2)
    nobody = f"127.0.0.1:{nobody_port}"
    with running_front(tmp_path / "front", nobody, nobody, SECRET, port, verify=False) as authority:
        channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(authority.pem))
        with pytest.raises(grpc.RpcError) as caught:
            SitesStub(channel).DescribeModel(pb.DescribeModelRequest(), timeout=20)
        assert caught.value.code() is Code.UNAVAILABLE
        assert "try again later" in caught.value.details()


@pytest.mark.slow
def test_a_site_is_told_that_the_fronts_certificate_has_expired(tmp_path: Path) -> None:
    port, nobody_port = free_ports(2)
    nobody = f"127.0.0.1:{nobody_port}"
    with running_front(tmp_path / "front", nobody, nobody, SECRET, port, verify=False, expired=True) as authority:
        save_site_key(SiteKey.derive_from(VeilKey.generate(), SPEC, "plant", ["gate"]), tmp_path / "plant.key")
        (tmp_path / "ca.pem").write_bytes(authority.pem)
        write_private(tmp_path / "token", b"rpp_0123456789abcdef_" + b"A" * 43)
        (tmp_path / "cameras.yaml").write_text("cameras:\n  gate:\n    source: video.mp4\n")
        done = raypp(
            "site", "doctor", "--config", tmp_path / "cameras.yaml", "--site", "plant", "--key", tmp_path / "plant.key",
            "--server", f"localhost:{port}", "--ca", tmp_path / "ca.pem", "--token-file", tmp_path / "token",
            "--spool", tmp_path / "spool",
        )  # fmt: skip
    assert done.returncode != 0
    assert "certificate is not accepted: certificate has expired" in " ".join(done.stdout.split())


def _handshake(port: int, authority: bytes, version: ssl.TLSVersion) -> bool:
    context = ssl.create_default_context(cadata=authority.decode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    try:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1"),
        ):
            return True
    except ssl.SSLError:
        return False
