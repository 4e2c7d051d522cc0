"""JSON of `raypp site list`, `raypp operator list` and `raypp audit-log`. Times: microseconds since 1970."""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from pydantic import BaseModel, ConfigDict

from raypp.errors import LedgerUnavailableError
from raypp.ledger.audit_log import ListedEntry
from raypp.ledger.identity import Identities, Role, TokenStatus
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.member import Member
from raypp.ledger.queries import read_streams
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamStatus


@dataclass(frozen=True, slots=True)
class TokenListing:
    """A token: its public id, and when it was made, expires (null: never) and was revoked (null: not)."""

    token_id: str
    name: str
    created_us: int
    expires_us: int | None
    revoked_us: int | None
    good: bool

    @classmethod
    def of(cls, token: TokenStatus, now_us: int) -> "TokenListing":
        """List a token."""
        good = token.revoked_us is None and (token.expires_us is None or token.expires_us > now_us)
        name = token.site or token.operator or ""
        return cls(token.token_id, name, token.created_us, token.expires_us, token.revoked_us, good)


@dataclass(frozen=True, slots=True)
class StreamListing:
    """A stream: `newest_us` is event time, `active_us` the time of its last commit."""

    camera: str
    epoch: int
    chunks: int
    frames: int
    detections: int
    forgotten_frames: int
    newest_us: int | None
    active_us: int
    clock_offset_us: int
    ended: bool
    silent: bool
    agent_version: str
    model_id: str
    veil_id: str

    @classmethod
    def of(cls, status: StreamStatus) -> "StreamListing":
        """List a stream."""
        return cls(
            status.stream.camera,
            status.stream.epoch,
            status.committed,
            status.frames,
            status.detections,
            status.forgotten_frames,
            status.newest_us,
            status.active_us,
            status.clock_offset_us,
            status.ended,
            status.silent,
            status.agent_version,
            status.model_id,
            status.veil_id,
        )


@dataclass(frozen=True, slots=True)
class SiteListing:
    """A site: of several ledgers its own, version of its settings (0: the default ones), its tokens, its streams."""

    site: str
    ledger: str | None
    settings_version: int
    tokens: tuple[TokenListing, ...]
    streams: tuple[StreamListing, ...]


class Sites(BaseModel):
    """All sites, but those of ledgers that do not answer."""

    model_config = ConfigDict(frozen=True)
    sites: tuple[SiteListing, ...]
    silent: tuple[str, ...] = ()


class Operators(BaseModel):
    """All tokens of operators."""

    model_config = ConfigDict(frozen=True)
    tokens: tuple[TokenListing, ...]


class AuditListing(BaseModel):
    """Entries of the audit log, oldest first; and by name what is wrong with each ledger whose own are missing."""

    model_config = ConfigDict(frozen=True)
    entries: tuple[ListedEntry, ...]
    failed: dict[str, str] = {}


class Changed(BaseModel):
    """The change by a command: name of a site or operator, and how many of its tokens, or its settings' version.

    `frames_apart` kept frames came under other settings: `raypp reaggregate` folds them with these.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    tokens: int = 0
    settings_version: int | None = None
    frames_apart: int | None = None


def site_listing(ledger: Ledger | Ledgers) -> Sites:
    """List all sites with their tokens and streams; of several ledgers, those of the ledgers that answer."""
    ledgers = Ledgers.around(ledger)
    listed = ledgers.site_list()
    silent = list(listed.silent)
    read: dict[str, _OfLedger] = {}
    for name in set(listed.ledger_of.values()):
        member = ledgers.named(name)
        look = partial(_read_in, Identities(ledgers), ledgers.clock())
        try:
            read[name] = look(member) if ledgers.only is not None else member.ask(look, takes_long=True)
        except LedgerUnavailableError:
            if ledgers.only is not None:
                raise
            silent.append(name)
    sites = []
    for site in listed.sites:
        name = listed.ledger_of[site.name]
        if name in read:
            tokens, streams = read[name]
            shown = None if ledgers.only else name
            own = tuple(tokens.get(site.name, ())), tuple(streams.get(site.name, ()))
            sites.append(SiteListing(site.name, shown, site.version, *own))
    return Sites(sites=tuple(sites), silent=tuple(silent))


_OfLedger = tuple[dict[str, list[TokenListing]], dict[str, list[StreamListing]]]
"""Tokens and streams of one ledger, by site."""


def _read_in(identities: Identities, now_us: int, member: Member) -> _OfLedger:
    tokens: defaultdict[str, list[TokenListing]] = defaultdict(list)
    streams: defaultdict[str, list[StreamListing]] = defaultdict(list)
    for token in identities.list_in(member):
        if token.site is not None:
            tokens[token.site].append(TokenListing.of(token, now_us))
    with member.ledger().database.read() as connection:
        for status in read_streams(connection):
            streams[status.stream.site].append(StreamListing.of(status))
    return tokens, streams


def list_operators(ledger: Ledger | Ledgers) -> Operators:
    """List the tokens of operators."""
    ledgers = Ledgers.around(ledger)
    tokens = (token for token in Identities(ledgers).list_in(ledgers.home) if token.role is Role.OPERATOR)
    return Operators(tokens=tuple(TokenListing.of(token, ledgers.clock()) for token in tokens))
