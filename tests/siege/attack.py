"""One hostile client, in a process of its own: all that costs a service much, at once, until the time is over.

`python -m tests.siege.attack '{"address": ..., "seconds": ...}'` prints how its calls fared, as JSON. It is for a
service of one's own on this machine: it refuses any other address.
"""

import asyncio
import json
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc
import grpc.aio

from protos import raypp_pb2 as pb

_LOOPBACK = ("127.0.0.1:", "localhost:")
_WATCHES, _SILENT, _AT_ONCE = 64, 64, 4
_BOMB_BYTES = 2_000_000
_LATE_S = 10.0


@dataclass(frozen=True)
class Orders:
    """Orders of one hostile client.

    Attributes:
        address: of the service, or its front.
        seconds: for how long.
        veil_id: a veil that is served.
        site: whose name it gives.
        width, height: of the frames that it says it has.
        authority: path of the front's authority; None without TLS.
        token: of the site; None: made-up ones, a new one for each call.
        secret: the front's secret; None where the front adds it, or none is asked for.
        frame: path of a Frame of the veil, to flood the detectors with; None: none.
    """

    address: str
    seconds: float
    veil_id: str
    site: str
    width: int
    height: int
    authority: str | None = None
    token: str | None = None
    secret: str | None = None
    frame: str | None = None

    def command(self) -> list[str]:
        """The command line that carries them out."""
        return [sys.executable, "-m", "tests.siege.attack", json.dumps(asdict(self))]


class Attacker:
    """Carries out orders; `fared` counts what its calls came to, by kind and status."""

    def __init__(self, orders: Orders) -> None:
        self.fared: Counter[str] = Counter()
        self._orders = orders
        self._ends_at = time.monotonic() + orders.seconds

    async def run(self) -> None:
        """Do everything at once until the time is over."""
        orders = self._orders
        if orders.authority:
            credentials = grpc.ssl_channel_credentials(Path(orders.authority).read_bytes())
            channel = grpc.aio.secure_channel(orders.address, credentials)
        else:
            channel = grpc.aio.insecure_channel(orders.address)
        unary = {
            name: channel.unary_unary(f"/raypp.v1.Sites/{name}")
            for name in ("DetectFrames", "GetSiteReport", "ListEpisodes")
        }
        watch = channel.unary_stream("/raypp.v1.Sites/WatchEpisodes")
        stream = channel.stream_stream("/raypp.v1.Sites/StreamFrames")
        century = pb.GetSiteReportRequest(site=orders.site, to_us=100 * 365 * 86_400_000_000).SerializeToString()
        listing = pb.ListEpisodesRequest(site=orders.site, page_size=1000).SerializeToString()
        watched = pb.WatchEpisodesRequest(site=orders.site).SerializeToString()
        bomb, flood = b"\x2a\x00" * (_BOMB_BYTES // 2), self._flood()
        cameras = iter(range(1 << 60))

        async def once(name: str, message: bytes) -> None:
            await unary[name](message, metadata=self._metadata(), timeout=60)

        async def hold(messages: AsyncIterator[bytes] | bytes) -> None:
            call = watch if isinstance(messages, bytes) else stream
            async for _ in call(messages, metadata=self._metadata(), timeout=60):
                pass

        kinds: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "bomb": (_AT_ONCE, lambda: once("DetectFrames", bomb)),
            "detect": (_AT_ONCE, lambda: once("DetectFrames", flood)),
            "report": (_AT_ONCE, lambda: once("GetSiteReport", century)),
            "list": (_AT_ONCE, lambda: once("ListEpisodes", listing)),
            "garbage": (_AT_ONCE, lambda: once("ListEpisodes", secrets.token_bytes(200))),
            "watch": (_WATCHES, lambda: hold(watched)),
            "silent": (_SILENT, lambda: hold(self._silent())),
            "camera": (_AT_ONCE, lambda: hold(self._camera(next(cameras)))),
            "chunk": (_AT_ONCE, lambda: hold(self._chunk())),
        }
        loops = [
            asyncio.create_task(self._again(kind, act), name=kind)
            for kind, (count, act) in kinds.items()
            for _ in range(count)
        ]
        # Now and then gRPC's client does not give up a call that it was told to.
        _, stuck = await asyncio.wait(loops, timeout=self._ends_at - time.monotonic() + _LATE_S)
        self.fared.update(f"{loop.get_name()} held" for loop in stuck)

    async def _again(self, kind: str, act: Callable[[], Awaitable[None]]) -> None:
        while (left_s := self._ends_at - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left_s):
                    await act()
                self.fared[f"{kind} OK"] += 1
            except grpc.aio.AioRpcError as error:
                self.fared[f"{kind} {error.code().name}"] += 1
            except TimeoutError:
                self.fared[f"{kind} held"] += 1
            await asyncio.sleep(0)

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        token = self._orders.token or f"rpp_{secrets.token_hex(8)}_{'A' * 43}"
        front = (("x-raypp-front", self._orders.secret),) if self._orders.secret else ()
        return (("authorization", f"Bearer {token}"), ("application", "raypp"), *front)

    def _flood(self) -> bytes:
        orders = self._orders
        about = pb.DetectFramesRequest(
            veil_id=orders.veil_id, width=orders.width, height=orders.height, sub_key=0, frames=[]
        )
        if orders.frame:
            frame = pb.Frame.FromString(Path(orders.frame).read_bytes())
            about.frames.extend([frame] * 16)
        return about.SerializeToString()

    def _opening(self, number: int) -> bytes:
        orders = self._orders
        opening = pb.Open(
            site=orders.site, camera=f"new-{os.getpid()}-{number}", stream_epoch=time.time_ns() // 1000,
            veil_id=orders.veil_id, width=orders.width, height=orders.height,
        )  # fmt: skip
        return pb.StreamFramesRequest(open=opening).SerializeToString()

    async def _silent(self) -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b""

    async def _camera(self, number: int) -> AsyncIterator[bytes]:
        yield self._opening(number)

    async def _chunk(self) -> AsyncIterator[bytes]:
        yield self._opening(0)
        yield b"\x12\x80\xb5\x18" + b"\x1a\x00" * 200_000  # a chunk of 400,000 bytes: empty frames


def main() -> None:
    """Carry out the orders that the command line holds."""
    orders = Orders(**json.loads(sys.argv[1]))
    if not orders.address.startswith(_LOOPBACK):
        raise SystemExit(f"{orders.address} is not this machine")
    asyncio.run(_attack(orders))


async def _attack(orders: Orders) -> None:
    attacker = Attacker(orders)
    await attacker.run()
    print(json.dumps(attacker.fared), flush=True)
    os._exit(0)  # whatever calls are still under way


if __name__ == "__main__":
    main()
