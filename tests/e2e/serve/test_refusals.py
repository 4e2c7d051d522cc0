"""What the real service refuses of a stream: the right status, clear words, and the good stream goes on."""

import grpc
import grpc.aio
import pytest

from protos import raypp_pb2 as pb
from tests.e2e.serve.talk import Code, Site, connected, refused
from tests.serving.bundles import SIZE, SPEC, VEIL, some_codes
from tests.serving.running import (
    START_US,
    Camera,
    Connection,
    Service,
)

pytestmark = pytest.mark.ray


def test_a_gap_names_the_number_that_is_next(service: Service, site: Site) -> None:
    with connected(service, site) as stream:
        stream.open()
        stream.chunk(2, None, 0)
        refused(stream, Code.FAILED_PRECONDITION, "the next one is 1")


@pytest.mark.parametrize(
    ("about", "code", "words"),
    [
        ({"veil_id": "cd" * 16}, Code.FAILED_PRECONDITION, ("cd" * 16, VEIL)),
        ({"veil_id": "no id"}, Code.INVALID_ARGUMENT, ("32 hex digits",)),
        ({"width": 0}, Code.INVALID_ARGUMENT, ("0x180",)),
        ({"width": 1 << 20}, Code.INVALID_ARGUMENT, ("16384",)),
        ({"sub_key": SPEC.sub_keys}, Code.FAILED_PRECONDITION, ("sub-key 3",)),
        ({"size": 640}, Code.FAILED_PRECONDITION, (f"takes {SIZE} pixels", "640", f"`size` {SIZE}")),
        ({"epoch": 0}, Code.INVALID_ARGUMENT, ("epoch 0",)),
        ({"camera": "../gate"}, Code.INVALID_ARGUMENT, ("letters, digits",)),
        ({"site": "another"}, Code.PERMISSION_DENIED, ("another",)),
    ],
)
def test_an_open_that_cannot_be(
    service: Service, site: Site, about: dict[str, object], code: Code, words: tuple[str, ...]
) -> None:
    camera = Camera(**{"site": site[0], "camera": "gate", **about})
    with Connection(camera, service.stub(), site[1]) as stream:
        stream.send(camera.open())
        refused(stream, code, *words)


@pytest.mark.parametrize("about", [{"size": 640}, {"size": 0}, {"veil_id": "cd" * 16}, {"sub_key": SPEC.sub_keys}])
def test_a_try_that_comes_to_nothing_ends_no_good_stream(
    service: Service, site: Site, about: dict[str, object]
) -> None:
    """A mistyped try has a higher epoch than the stream that goes on. `size` 0: an agent that finds out by itself."""
    codes = some_codes(16)
    with connected(service, site) as good:
        good.open()
        good.chunk(1, codes[:8], 0)
        good.committed()
        with connected(service, site, epoch=START_US + 1, **about) as mistyped:
            if about.get("size") == 0:
                mistyped.open()
            else:
                mistyped.send(mistyped.camera.open())
                refused(mistyped, Code.FAILED_PRECONDITION)
        try:
            good.chunk(2, codes[8:], 8, last=True)
            good.committed()
        except grpc.RpcError as error:  # it may have to connect anew, and goes on where it was
            assert error.code() is Code.ABORTED  # noqa: PT017
            with connected(service, site) as again:
                assert again.open().resume_after == 1
                again.chunk(2, codes[8:], 8, last=True)
                again.committed()
    with service.ledger() as ledger:
        (stream,) = ledger.streams(site[0])
    assert (stream.stream.epoch, stream.frames, stream.ended) == (START_US, 16, True)


def test_a_connection_without_an_open_is_closed(service: Service, site: Site) -> None:
    service.stub().DescribeModel(pb.DescribeModelRequest(), metadata=site[1])  # its token is known from here on
    with connected(service, site) as stream:
        refused(stream, Code.INVALID_ARGUMENT, "no `open` came within 3 s")
