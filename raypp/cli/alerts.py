"""The `raypp alerts` group: alerts listed, tried again, dropped, tested and sent."""

import asyncio
import contextlib
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, SiteName, note, opened_ledger, opened_ledgers, say
from raypp.cli.options import JsonFile
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.alerts.channel import Answer
    from raypp.alerts.sender import Sender
    from raypp.alerts.settings import AlertSettings
    from raypp.ledger.delivery import Backlog, Delivery
    from raypp.ledger.ledgers import Ledgers
    from raypp.ledger.member import Member
    from raypp.ledger.store import Ledger

AlertIds = Annotated[list[str] | None, typer.Argument(help="Only these (default: all dead letters).")]
OneChannel = Annotated[str | None, typer.Option("--channel", help="Only this channel.")]
ServiceSettingsFile = Annotated[
    Path, typer.Option("--settings", help="The service's settings, YAML; only their `alerts` are read.")
]


class State(StrEnum):
    """States of alerts."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


alerts = command_group("List alerts and dead letters, send a test alert, or send what waits.")


@alerts.command("list")
def alerts_list(
    site: SiteName,
    ledger: LedgerUrl = None,
    state: Annotated[State | None, typer.Option(help="Only of this state.")] = None,
    channel: OneChannel = None,
    limit: Annotated[int, typer.Option(help="At most so many, the latest.", min=1)] = 100,
    json_file: JsonFile = None,
) -> None:
    """List alerts of a site, oldest first. Times are UTC.

    Example: raypp alerts list plant-1 --state dead --ledger sqlite:///ledger.db
    """
    from raypp.alerts.listing import alert_list
    from raypp.ledger.delivery import DeliveryState
    from raypp.ledger.letters import Letters
    from raypp.ledger.times import shown_time

    wanted = None if state is None else DeliveryState[state.name]
    with opened_ledger(ledger, site, upgrade=True) as opened:
        deliveries, now_us = Letters(opened, site).latest(wanted, channel, limit), opened.clock()
    for delivery in deliveries:
        where = delivery.camera or "whole site"
        tries = f", failed {counted(delivery.tries, 'time')}" if delivery.tries else ""
        answer = f": {delivery.answer}" if delivery.answer else ""
        held = f" until {shown_time(delivery.raised_us)}" if delivery.raised_us > now_us else ""
        say(
            f"{delivery.alert_id}  {shown_time(delivery.moment_us)}  {where}  {delivery.kind} ({delivery.rule})  "
            f"{delivery.channel} {delivery.state.name.lower()}{held}{tries}{answer}"
        )
    if not deliveries:
        say(f"site {site} has no such alerts" if state or channel else f"site {site} has no alerts")
    write_json(json_file, alert_list(site, deliveries))


@alerts.command("retry")
def alerts_retry(
    site: SiteName,
    alert_ids: AlertIds = None,
    ledger: LedgerUrl = None,
    channel: OneChannel = None,
    json_file: JsonFile = None,
) -> None:
    """Let dead letters of a site wait again, to be sent when it is their turn.

    Example: raypp alerts retry plant-1 --channel office --ledger sqlite:///ledger.db
    """
    from raypp.alerts.listing import LettersChanged
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.letters import Letters

    with opened_ledger(ledger, site, upgrade=True) as opened:
        count = Letters(opened, site).retry(alert_ids or (), channel, command_line_account())
    note(f"site {site}: {counted(count, 'dead letter')} wait again" if count else f"site {site}: no dead letters")
    write_json(json_file, LettersChanged(site=site, alerts=count))


@alerts.command("drop")
def alerts_drop(
    site: SiteName,
    alert_ids: AlertIds = None,
    ledger: LedgerUrl = None,
    channel: OneChannel = None,
    json_file: JsonFile = None,
) -> None:
    """Delete dead letters of a site.

    Example: raypp alerts drop plant-1 --ledger sqlite:///ledger.db
    """
    from raypp.alerts.listing import LettersChanged
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.letters import Letters

    with opened_ledger(ledger, site, upgrade=True) as opened:
        count = Letters(opened, site).drop(alert_ids or (), channel, command_line_account())
    note(f"site {site}: {counted(count, 'dead letter')} dropped" if count else f"site {site}: no dead letters")
    write_json(json_file, LettersChanged(site=site, alerts=count))


@alerts.command("test")
def alerts_test(
    site: SiteName,
    settings_file: ServiceSettingsFile,
    ledger: LedgerUrl = None,
    channel: OneChannel = None,
    json_file: JsonFile = None,
) -> None:
    """Send a test alert at once by the channels that a site's rules name, and print the answers.

    Example: raypp alerts test plant-1 --settings serve.yaml --ledger sqlite:///ledger.db
    """
    from raypp.alerts.settings import AlertSettings
    from raypp.alerts.trial import send_test_alert

    settings = AlertSettings.load(settings_file)
    with opened_ledger(ledger, site) as opened:
        answers = send_test_alert(opened, site, settings, channel)
    for tried in answers.channels:
        verdict = "sent" if tried.sent else "NOT SENT"
        say(f"{tried.channel}  {verdict} in {tried.seconds:.1f} s: {tried.answer}")
    write_json(json_file, answers)
    end_with_attention(not all(tried.sent for tried in answers.channels))


@alerts.command("send")
def alerts_send(
    settings_file: ServiceSettingsFile,
    ledger: LedgerUrl = None,
    once: Annotated[bool, typer.Option("--once", help="Send what is due, and end.")] = False,
) -> None:
    """Send alerts of a ledger that no service sends for, until SIGTERM.

    Of several ledgers, those of one that is down wait, and are sent once it can be reached; with --once, the exit
    status is then 3.

    Example: raypp alerts send --settings serve.yaml --ledger sqlite:///ledger.db
    """
    from raypp.alerts.opening import open_channels
    from raypp.alerts.settings import AlertSettings

    settings = AlertSettings.load(settings_file)
    channels = open_channels(settings)
    with opened_ledgers(ledger, upgrade=True) as ledgers:
        if once:
            sent = asyncio.run(_once(ledgers, settings))
            note(f"{counted(sum(number or 0 for number in sent), 'alert')} sent")
            end_with_attention(None in sent)
        else:
            note(f"sending by {', '.join(channels) or 'no channel'}")
            asyncio.run(_until_stopped(ledgers, settings))


class _PrintedNotes:
    """Prints a line for each try."""

    def tried(self, delivery: "Delivery", answer: "Answer") -> None:
        """Print what became of a try."""
        where = f"{delivery.site}/{delivery.camera}" if delivery.camera else delivery.site
        outcome = f"{delivery.channel} {answer.outcome.value}: {answer.words}"
        say(f"{delivery.alert_id}  {where}  {delivery.kind} ({delivery.rule})  {outcome}")

    def backlog(self, backlogs: "list[Backlog]") -> None:
        """Print nothing: `raypp alerts list` says what waits."""


async def _once(ledgers: "Ledgers", settings: "AlertSettings") -> list[int | None]:
    """Send what is due; return how many alerts of each ledger were sent, and None for one of several that is down."""
    from raypp.errors import LedgerError
    from raypp.io.background import BackgroundThreads

    async def send_for(member: "Member") -> int | None:
        try:
            return await _sender(await BackgroundThreads(1, "opening").run(member.ledger), settings).once()
        except LedgerError as error:
            if ledgers.only is not None:
                raise
            note(f"alerts of ledger {member.name} wait: {error}")
            return None

    return await asyncio.gather(*map(send_for, ledgers.members.values()))


async def _until_stopped(ledgers: "Ledgers", settings: "AlertSettings") -> None:
    from raypp.alerts.waiting import open_when_it_answers

    async def send_for(member: "Member") -> None:
        await _sender(await open_when_it_answers(member), settings).run()

    sending = asyncio.gather(*map(send_for, ledgers.members.values()))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, sending.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await sending


def _sender(ledger: "Ledger", settings: "AlertSettings") -> "Sender":
    from raypp.alerts.opening import open_channels
    from raypp.alerts.sender import Sender

    return Sender(ledger, settings, open_channels(settings), _PrintedNotes())
