import asyncio
import threading
from types import SimpleNamespace

from raypp.site.session import Progress, Session


def test_a_slow_disk_holds_up_no_other_camera():
    looping = threading.get_ident()
    blocked = threading.Event()

    class SlowSpool:
        def commit(self, _stream, sequence):
            assert threading.get_ident() != looping
            assert sequence == 7
            assert blocked.wait(10), "the loop stood still"

    async def others():
        blocked.set()

    async def both():
        stream = SimpleNamespace(facts=SimpleNamespace(grid=None))
        session = Session(SlowSpool(), stream, Progress())
        await asyncio.gather(session._commit(7), others())
        return session.committed

    assert asyncio.run(both()) == 7
