"""JSON of `raypp site list`, `raypp operator list` and `raypp audit-log`. Times: microseconds since 1970."""

from collections import defaultdict

from pydantic import BaseModel, ConfigDict

from raypp.ledger.audit_log import ListedEntry
from raypp.ledger.identity import Identities, Role, TokenStatus
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.queries import read_streams
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamStatus


class TokenListing(BaseModel):
    """A token: its public id, and when it was made, expires (null: never) and was revoked (null: not)."""

    model_config = ConfigDict(frozen=True)
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
        return cls(
            token_id=token.token_id,
            name=name,
            created_us=token.created_us,
            expires_us=token.expires_us,
            revoked_us=token.revoked_us,
            good=good,
        )


class StreamListing(BaseModel):
    """A stream: `newest_us` is event time, `active_us` the time of its last commit."""

    model_config = ConfigDict(frozen=True)
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
            camera=status.stream.camera,
            epoch=status.stream.epoch,
            chunks=status.committed,
            **{name: getattr(status, name) for name in _AS_THEY_ARE},
        )


_AS_THEY_ARE = tuple(name for name in StreamListing.model_fields if name not in {"camera", "epoch", "chunks"})
"""Fields that a stream's listing has in common with its status."""


class SiteListing(BaseModel):
    """A site: of several ledgers its own, version of its settings (0: the default ones), its tokens, its streams."""

    model_config = ConfigDict(frozen=True)
    site: str
    ledger: str | None = None
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
    """Entries of the audit log, oldest first."""

    model_config = ConfigDict(frozen=True)
    entries: tuple[ListedEntry, ...]


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
    tokens: defaultdict[str, list[TokenListing]] = defaultdict(list)
    streams: defaultdict[str, list[StreamListing]] = defaultdict(list)
    now_us = ledgers.clock()
    identities = Identities(ledgers)
    for name in set(listed.ledger_of.values()):
        member = ledgers.named(name)
        for token in identities.list_in(member):
            if token.site is not None and listed.ledger_of.get(token.site) == name:
                tokens[token.site].append(TokenListing.of(token, now_us))
        with member.ledger().database.read() as connection:
            for status in read_streams(connection):
                if listed.ledger_of.get(status.stream.site) == name:
                    streams[status.stream.site].append(StreamListing.of(status))
    return Sites(
        sites=tuple(
            SiteListing(
                site=site.name,
                ledger=None if ledgers.only else listed.ledger_of[site.name],
                settings_version=site.version,
                tokens=tuple(tokens[site.name]),
                streams=tuple(streams[site.name]),
            )
            for site in listed.sites
        ),
        silent=listed.silent,
    )


def list_operators(ledger: Ledger | Ledgers) -> Operators:
    """List the tokens of operators."""
    ledgers = Ledgers.around(ledger)
    tokens = (token for token in Identities(ledgers).list_in(ledgers.home) if token.role is Role.OPERATOR)
    return Operators(tokens=tuple(TokenListing.of(token, ledgers.clock()) for token in tokens))
