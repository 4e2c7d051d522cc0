"""MPyC's runtime over connections of ours: mutual TLS with pinned certificates, and no object is ever unpickled.

MPyC's own connections trust whoever has a certificate of one authority to be the party that it says it is, and end a
computation by exchanging pickled objects.
"""

import asyncio
import hashlib
import ssl
from typing import Any, NoReturn

import mpyc
import mpyc.asyncoro
import mpyc.mpctools
import mpyc.runtime
import mpyc.seclists
import mpyc.sectypes

from raypp.errors import TallyError
from raypp.tally.plan import TallyPlan

_DIGEST_BYTES = 32
_MOST_MESSAGE_BYTES = 1 << 26
_END = (1 << 62) + 1
"""Label of the message by which a party says that it has all that it needs."""
_AGAIN_S = 0.2
_FEW_PARTIES = 10
"""Up to so many share keys of randomness for each subset; of more there are too many subsets."""


class Exchanger(mpyc.asyncoro.MessageExchanger):  # type: ignore[misc]
    """One connection with another party. First each side sends the digest of its plan.

    Args:
        runtime: of this party.
        peer: number of the party that is called; None where it calls.
    """

    def __init__(self, runtime: "PinnedRuntime", peer: int | None = None) -> None:
        super().__init__(runtime, peer)
        self.pinned: int | None = None
        self.ended: asyncio.Future[bytes] | bytes | None = None
        self._has_same_plan = False

    def connection_made(self, transport: Any) -> None:
        """Look who the other side is, by its certificate."""
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.pinned = self.runtime.number_of(hashlib.sha256(certificate).hexdigest())
        if self.pinned is None or (self.peer_pid is not None and self.pinned != self.peer_pid):
            self.runtime.fail("whoever answered has another certificate than the plan's; ask the parties by phone")
            transport.abort()
            return
        transport.write(bytes.fromhex(self.runtime.plan.digest))
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take data once the other side has shown the same plan, and is who it says that it is."""
        if self.transport is None or self.transport.is_closing():
            return
        if not self._has_same_plan:
            self.bytes.extend(data)
            if len(self.bytes) < _DIGEST_BYTES:
                return
            theirs = bytes(self.bytes[:_DIGEST_BYTES]).hex()
            data = bytes(self.bytes[_DIGEST_BYTES:])
            self.bytes.clear()
            if theirs != self.runtime.plan.digest:
                name = self.runtime.name_of(self.pinned)
                mine = self.runtime.plan.digest
                self._refuse(f"{name} holds another plan ({theirs[:12]}, not {mine[:12]}); send it yours")
                return
            self._has_same_plan = True
        if len(self.bytes) + len(data) > _MOST_MESSAGE_BYTES:
            self._refuse(f"{self.runtime.name_of(self.pinned)} sent more than a tally needs")
            return
        if self.peer_pid is None and len(self.bytes) + len(data) >= 2:
            claimed = int.from_bytes((bytes(self.bytes) + data)[:2], "little")
            if claimed != self.pinned or self.runtime.is_connected(claimed):
                self._refuse(f"{self.runtime.name_of(self.pinned)} says that it is another party")
                return
        super().data_received(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Tell the runtime, unless the other side had said that it is done."""
        if self.peer_pid is not None:
            self.runtime.lost(self.peer_pid, self.has_ended)

    @property
    def has_ended(self) -> bool:
        """Whether the other side has said that it is done."""
        ended = self.buffers.get(_END) if self.ended is None else self.ended
        return ended.done() if isinstance(ended, asyncio.Future) else ended is not None

    def _refuse(self, why: str) -> None:
        self.runtime.fail(why)
        self.transport.close()  # once the other side has this one's digest


class PinnedRuntime(mpyc.runtime.Runtime):  # type: ignore[misc]
    """The runtime of one party; the modules of MPyC use it from now on.

    Args:
        plan: the plan.
        number: of this party in the plan.
        contexts: of TLS, for who calls and who is called.
    """

    def __init__(self, plan: TallyPlan, number: int, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
        options = mpyc._get_arg_parser().parse_args([])  # noqa: SLF001 - MPyC has no other door
        parties = [mpyc.runtime.Party(place, *party.host_and_port) for place, party in enumerate(plan.parties.values())]
        options.threshold = (len(parties) - 1) // 2
        options.no_prss = len(parties) > _FEW_PARTIES
        options.mix32_64bit = True  # arrays travel as numbers; else they would be pickled
        super().__init__(number, parties, options)
        self.plan, self._contexts = plan, contexts
        self.failed: asyncio.Future[None] = self._loop.create_future()
        self._lost: set[int] = set()
        mpyc.runtime.pickle = _NoPickle()
        for module in (mpyc.sectypes, mpyc.asyncoro, mpyc.mpctools, mpyc.seclists):
            module.runtime = self

    async def connect(self, listen: tuple[str, int]) -> None:
        """Connect with all parties: those before this one in the plan call it, those behind are called.

        Raises:
            OSError: if this party cannot listen there.
        """
        for party in self.parties:
            party.protocol = asyncio.Future(loop=self._loop) if party.pid == self.pid else None
        calling, called = self._contexts
        server = None
        if self.pid:
            server = await self._loop.create_server(lambda: Exchanger(self), *listen, ssl=called)
        try:
            for party in self.parties[self.pid + 1 :]:
                await self._call(party, calling)
            await self.parties[self.pid].protocol
        finally:
            if server is not None:
                server.close()

    async def end(self) -> None:
        """Say that this party has all that it needs, and wait until the others say so."""
        others = [party.protocol for party in self.parties if party.pid != self.pid]
        for protocol in others:
            protocol.send(_END, b"")
        for protocol in others:
            protocol.ended = protocol.receive(_END)
        await asyncio.gather(*(protocol.ended for protocol in others if isinstance(protocol.ended, asyncio.Future)))
        for protocol in others:
            protocol.close_connection()

    def absent(self) -> tuple[str, ...]:
        """Return the names of parties that are not connected."""
        return tuple(
            self.name_of(party.pid) for party in self.parties if party.pid != self.pid and party.protocol is None
        )

    def is_connected(self, number: int) -> bool:
        """Whether a party is connected already."""
        return self.parties[number].protocol is not None

    def name_of(self, number: int | None) -> str:
        """Return the name of a party."""
        return "a stranger" if number is None else list(self.plan.parties)[number]

    def number_of(self, fingerprint: str) -> int | None:
        """Return the number of the party whose certificate has a fingerprint; None where none has."""
        prints = [party.fingerprint for party in self.plan.parties.values()]
        return prints.index(fingerprint) if fingerprint in prints else None

    def fail(self, why: str) -> None:
        """End the run, whatever it is at."""
        if not self.failed.done():
            self.failed.set_exception(TallyError(why))

    def lost(self, number: int, has_ended: bool) -> None:
        """Note that a connection is gone."""
        if not has_ended:
            self.fail(f"{self.name_of(number)} went away before the end")

    async def _call(self, party: Any, context: ssl.SSLContext) -> None:
        while True:
            try:
                await self._loop.create_connection(
                    lambda: Exchanger(self, party.pid), party.host, party.port, ssl=context
                )
            except (OSError, ssl.SSLError):  # it does not listen yet
                await asyncio.sleep(_AGAIN_S)
            else:
                return


class _NoPickle:
    """Stands where MPyC has `pickle`: what another party sent is never made an object."""

    def dumps(self, _value: object) -> NoReturn:
        """Refuse."""
        raise TallyError("objects are not exchanged in a tally; this is a fault of raypp")

    loads = dumps


def tls_contexts(plan: TallyPlan, certificate: str, key: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of TLS 1.3 of who calls and who is called; each shows its certificate and trusts the plan's.

    Args:
        plan: the plan.
        certificate: path of this party's certificate.
        key: path of its key.

    Raises:
        TallyError: if certificate and key do not go together.
    """
    contexts = []
    for protocol in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER):
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # the certificate itself is pinned
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_cert_chain(certificate, key)
        except ssl.SSLError:
            raise TallyError(f"key {key} is not that of certificate {certificate}; give the key made with it") from None
        for party in plan.parties.values():
            context.load_verify_locations(str(party.certificate))
        contexts.append(context)
    calling, called = contexts
    return calling, called
