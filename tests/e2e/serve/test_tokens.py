"""Tokens at the real service: unknown, of another site, without the front, revoked."""

import time

import grpc
import grpc.aio
import pytest

from protos import raypp_pb2 as pb
from raypp.ledger.identity import Identities
from tests.e2e.serve.talk import FRONT, SECRET, Code, Site, connected, refused
from tests.serving.bundles import some_codes
from tests.serving.running import (
    Service,
    bearer,
)

pytestmark = pytest.mark.ray


def test_only_the_sites_own_token_through_the_front_streams(service: Service, site: Site) -> None:
    with service.ledger() as ledger:
        operator = Identities(ledger).add_operator("ada")
    stranger = service.site("stranger")
    good = dict(site[1])["authorization"]
    for metadata, code in (
        ((("authorization", good),), Code.PERMISSION_DENIED),
        ((("authorization", good), ("x-raypp-front", SECRET[:-1] + "0")), Code.PERMISSION_DENIED),
        (tuple(FRONT.items()), Code.UNAUTHENTICATED),
        (bearer("rpp_0123456789abcdef_" + "A" * 43, **FRONT), Code.UNAUTHENTICATED),
        (bearer("x" * 4000, **FRONT), Code.UNAUTHENTICATED),
        (bearer(stranger, **FRONT), Code.PERMISSION_DENIED),
        (bearer(operator, **FRONT), Code.PERMISSION_DENIED),
    ):
        with connected(service, (site[0], metadata)) as stream:
            stream.send(stream.camera.open())
            refused(stream, code)
    assert stranger not in service.log_text()
    stub = service.stub()
    for reader, allowed in ((site[1], True), (bearer(operator, **FRONT), True), (bearer(stranger, **FRONT), False)):
        listing = pb.ListEpisodesRequest(site=site[0])
        if allowed:
            assert list(stub.ListEpisodes(listing, metadata=reader).episodes) == []
            continue
        for call, request in (
            (stub.ListEpisodes, listing),
            (stub.GetSiteReport, pb.GetSiteReportRequest(site=site[0])),
            (
                lambda *arguments, **about: list(stub.WatchEpisodes(*arguments, **about)),
                pb.WatchEpisodesRequest(site=site[0]),
            ),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call(request, metadata=reader)
            assert caught.value.code() is Code.PERMISSION_DENIED


def test_a_revoked_token_cuts_a_running_stream(service: Service, site: Site) -> None:
    with connected(service, site) as stream:
        stream.open()
        stream.chunk(1, some_codes(2), 0)
        stream.committed()
        with service.ledger() as ledger:
            Identities(ledger).revoke(site[0])
        begin = time.monotonic()
        refused(stream, Code.UNAUTHENTICATED, "revoked")
        assert time.monotonic() - begin < 10
