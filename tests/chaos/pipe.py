"""A TCP link between agents and the front that can be cut: what a bad network does, in a thread of its own."""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self


class Pipe:
    """Forwards connections to a port of this machine while it is whole.

    Args:
        target: port to forward to.
        listen: whether to keep what passes, in both directions, in `heard`.
        source: address of this machine that connections seem to come from; None: any.

    Attributes:
        port: to connect to.
        refused: connections that came while it was cut.
    """

    def __init__(self, target: int, *, listen: bool = False, source: str | None = None) -> None:
        self.target = target
        self.heard = bytearray()
        self._listen = listen
        self._source = None if source is None else (source, 0)
        self.port = 0
        self.refused = 0
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._whole = True
        self._stalled = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def connections(self) -> int:
        """How many it forwards."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Reset all connections, and refuse new ones until `restore`."""
        self._loop.call_soon_threadsafe(self._cut)

    def stall(self) -> None:
        """Pass no byte on, in either direction, until `restore`: nobody is told that the link is dead."""
        self._loop.call_soon_threadsafe(self._stalled.clear)

    def restore(self) -> None:
        """Forward again."""
        self._loop.call_soon_threadsafe(self._restore)

    def _cut(self) -> None:
        self._whole = False
        for writer in list(self._writers):
            writer.transport.abort()

    def _restore(self) -> None:
        self._whole = True
        self._stalled.set()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._stalled.set()
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            self.refused += 1
            writer.transport.abort()
            return
        try:
            onward_reader, onward_writer = await asyncio.open_connection(
                "127.0.0.1", self.target, local_addr=self._source
            )
        except OSError:
            writer.transport.abort()
            return
        both = (writer, onward_writer)
        self._writers.update(both)
        await asyncio.gather(self._pump(reader, onward_writer), self._pump(onward_reader, writer))
        self._writers.difference_update(both)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._stalled.wait()
                if self._listen:
                    self.heard += data
                writer.write(data)
                await writer.drain()
        writer.close()
