"""A site's kept frames aggregated anew, with its present settings or others."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from raypp.ledger.rewriting import RewritePlan, Rewriting, rewrite
from raypp.ledger.sites import present_settings
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import StreamRow, TermRow
from raypp.ledger.types import COMMAND_LINE, stream_label
from raypp.usage.episode import Episode
from raypp.usage.settings import SiteSettings


class ToolDifference(BaseModel):
    """One tool on one stream, before and after. Times in seconds; `seen` is time in use."""

    model_config = ConfigDict(frozen=True)
    camera: str
    epoch: int
    tool: str
    episodes_before: int
    episodes_after: int
    seen_before_s: float
    seen_after_s: float


class Reaggregation(BaseModel):
    """Changes by aggregating a site anew, made or planned.

    `streams` were aggregated, `already` had these settings and were left; `changed` of them have other episodes or
    stretches now; `frames` were folded.
    """

    model_config = ConfigDict(frozen=True)
    site: str
    settings_id: str
    dry_run: bool
    streams: int
    already: int
    changed: int
    frames: int
    tools: tuple[ToolDifference, ...]


@dataclass(frozen=True)
class _Candidate:
    stream_id: int
    done: bool


def reaggregate(
    ledger: Ledger,
    site: str,
    settings: SiteSettings | None = None,
    *,
    camera: str | None = None,
    again: bool = False,
    dry_run: bool = False,
    who: str = COMMAND_LINE,
) -> Reaggregation:
    """Fold the kept frames of a site's streams with other settings, and replace their episodes, stretches and states.

    One transaction a stream: killed and run again, it goes on with the streams that are left. A live stream goes on by
    itself: its connection is told to open it again.

    Args:
        ledger: the ledger.
        site: the site.
        settings: None: the site's present ones, to which a live stream goes back in any case.
        camera: only this camera.
        again: also streams that have these settings already, such as after an update of raypp.
        dry_run: change nothing, and say what would.
        who: for the audit log.

    Raises:
        UnknownSiteError: if the site is not registered.
        SettingsError: if the settings name a class that a stream's model does not have.
    """
    with ledger.database.read() as connection:
        wanted = settings or present_settings(connection, site)
        candidates = _candidates(connection, site, camera, wanted.settings_id)
    if not dry_run:
        ledger.remember_settings(wanted)

    def log(connection: Connection, outcome: Rewriting) -> None:
        detail = f"settings {wanted.settings_id[:12]}, {outcome.frames} frames, {len(outcome.after)} episodes"
        write_audit(connection, ledger.clock(), who, "reaggregate", stream_label(outcome.stream), detail)

    chosen = [candidate for candidate in candidates if again or not candidate.done]
    plan = RewritePlan(settings=wanted, within=log)
    outcomes = [
        rewrite(ledger.database, candidate.stream_id, plan, ledger.clock(), dry_run=dry_run) for candidate in chosen
    ]
    return Reaggregation(
        site=site,
        settings_id=wanted.settings_id,
        dry_run=dry_run,
        streams=len(outcomes),
        already=len(candidates) - len(outcomes),
        changed=sum(outcome.changes for outcome in outcomes),
        frames=sum(outcome.frames for outcome in outcomes),
        tools=tuple(row for outcome in outcomes for row in _differences(outcome)),
    )


def _candidates(connection: Connection, site: str, camera: str | None, settings_id: str) -> list[_Candidate]:
    """Streams that have frames, by camera and epoch; done are those whose every chunk has these settings."""
    streams = select(StreamRow.stream_id).where(StreamRow.site == site, StreamRow.last_frame >= 0)
    if camera is not None:
        streams = streams.where(StreamRow.camera == camera)
    ids = list(connection.execute(streams.order_by(StreamRow.camera, StreamRow.epoch)).scalars())
    others = select(TermRow.stream_id).where(TermRow.settings_id != settings_id).distinct()
    undone = set(connection.execute(others).scalars())
    return [_Candidate(stream_id, stream_id not in undone) for stream_id in ids]


def _differences(outcome: Rewriting) -> list[ToolDifference]:
    tools = sorted({episode.tool for episode in (*outcome.before, *outcome.after)})
    return [
        ToolDifference(
            camera=outcome.stream.camera,
            epoch=outcome.stream.epoch,
            tool=tool,
            episodes_before=_count(outcome.before, tool),
            episodes_after=_count(outcome.after, tool),
            seen_before_s=_seen_s(outcome.before, tool),
            seen_after_s=_seen_s(outcome.after, tool),
        )
        for tool in tools
    ]


def _count(episodes: tuple[Episode, ...], tool: str) -> int:
    return sum(episode.tool == tool for episode in episodes)


def _seen_s(episodes: tuple[Episode, ...], tool: str) -> float:
    return sum(episode.seen_us for episode in episodes if episode.tool == tool) / 1e6
