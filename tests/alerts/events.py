"""Alerts put into an outbox by real commits: a camera on whose bench a drill is used now and then."""

from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.ledger.site import T0, Connection, chunks, working_day

RULES = """
alerts:
  - {name: drill used, when: episode_opened, tools: [drill], to: [office]}
  - {name: put down, when: episode_ended, tools: [drill], to: [office]}
"""


def work(ledger: Ledger, *cameras: str, rules: str = RULES) -> None:
    """Configure the site and let cameras see two uses of the drill each: four alerts by each channel."""
    ledger.configure("plant-1", rules, unchecked=True)
    for camera in cameras or ("bench",):
        Connection(ledger, StreamName("plant-1", camera, T0)).send_all(chunks(working_day(140), 20), last=True)
