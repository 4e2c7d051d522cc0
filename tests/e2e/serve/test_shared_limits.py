"""Two gateways: calls of a site under way and a minute are counted on both together."""

import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from tests.serving.running import bearer, running_service

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]

_PER_MINUTE, _BURST = 60, 40
_TOLD_S = 3
"""Within this, each gateway knows what the other counts."""


def test_calls_of_a_site_are_counted_on_two_gateways_together(tmp_path: Path) -> None:
    settings = {
        "gateways": {"least": 2, "most": 2, "cpus": 0.2},
        "quotas": {"watches": 2},
        "door": {"calls_per_minute": _PER_MINUTE, "burst": _BURST},
    }
    with running_service(tmp_path, settings) as service:
        assert len(service.replicas("Gateway")) == 2
        tokens = [bearer(service.site("works")) for _ in range(4)]  # the proxy counts by token
        _watches_are_shared(service.stub(), tokens)
        _calls_a_minute_are_shared(service.stub(), tokens)


def _watches_are_shared(stub: SitesStub, tokens: list[Any]) -> None:

    def watch(number: int) -> Any:
        call = stub.WatchEpisodes(pb.WatchEpisodesRequest(site="works"), metadata=tokens[number], timeout=120)
        next(call)
        return call

    watches = [watch(number) for number in range(2)]
    time.sleep(_TOLD_S)
    for number in range(4):  # whichever gateway it comes to
        with pytest.raises(grpc.RpcError, match="site works has 2 watches under way, at most 2"):
            watch(number)
    for call in watches:
        call.cancel()
    deadline = time.monotonic() + 30
    while True:
        try:
            watch(0).cancel()
        except grpc.RpcError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        else:
            break


def _calls_a_minute_are_shared(stub: SitesStub, tokens: list[Any]) -> None:
    time.sleep(60 * _BURST / _PER_MINUTE)  # all that may come at once is there again
    begin, answered, refusals = time.monotonic(), 0, []
    while len(refusals) < 20:
        request = pb.ListEpisodesRequest(site="works")
        try:
            stub.ListEpisodes(request, metadata=tokens[(answered + len(refusals)) % 4])
            answered += 1
        except grpc.RpcError as error:
            refusals.append(error.details())
        time.sleep(0.05)
    assert [words for words in refusals if "calls a minute by site works on all gateways" not in words] == []
    gained = _BURST + _PER_MINUTE / 60 * (time.monotonic() - begin)
    assert 0.8 * gained <= answered <= gained + _BURST / 4, (answered, gained)
