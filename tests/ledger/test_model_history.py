import random
from bisect import bisect_right
from dataclasses import replace

import pytest

from raypp.errors import UnknownSiteError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.model_history import models_at
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from raypp.usage.settings import SiteSettings
from tests.ledger.site import ABOUT, SECOND, T0, Connection, seen

RULES = ("{}", "max_frame_gap_s: 3\n", "max_frame_gap_s: 4\n")


def stream_a_shift(ledger: Ledger, chance: random.Random) -> dict[str, list[tuple[int, tuple[str, str, str]]]]:
    """Stream two cameras with changes of model, rules, stream and veil; return what counted from each frame on."""
    truth: dict[str, list[tuple[int, tuple[str, str, str]]]] = {}
    for camera in ("bench", "gate"):
        now_us, rows = T0, truth.setdefault(camera, [])
        for _ in range(3):  # streams of the camera, one behind the other
            name, index, sequence = StreamName("plant-1", camera, now_us), 0, 0
            for _ in range(chance.randrange(2, 5)):  # connections: each with a model, and the rules of its time
                model_id, veil_id = chance.choice("123") * 64, chance.choice("ab") * 32
                ledger.configure("plant-1", chance.choice(RULES))
                about = replace(ABOUT, model_id=model_id, veil_id=veil_id)
                settings = ledger.present_settings("plant-1")
                connection = Connection(ledger, name, about)
                for _ in range(chance.randrange(0, 4)):
                    sequence, frames = sequence + 1, []
                    for _ in range(chance.randrange(0, 6)):
                        frames.append(seen(index, at_us=now_us))
                        rows.append((now_us, (model_id, veil_id, settings.settings_id)))
                        index, now_us = index + 1, now_us + chance.choice((SECOND // 2, 40 * SECOND))
                    connection.send(sequence, frames)
            now_us += 300 * SECOND
    return truth


@pytest.mark.parametrize("seed", range(2))
def test_what_counted_is_right_at_a_hundred_random_moments(ledger: Ledger, seed: int):
    chance = random.Random(seed)
    truth = stream_a_shift(ledger, chance)
    last_us = max(rows[-1][0] for rows in truth.values())
    distinct = {what for rows in truth.values() for _, what in rows}
    assert len(distinct) > 5, "the control: much changes"
    for _ in range(100):
        at_us = chance.randrange(T0 - 60 * SECOND, last_us + 600 * SECOND)
        wanted = {}
        for camera, rows in truth.items():
            place = bisect_right(rows, at_us, key=lambda row: row[0])
            if place:
                wanted[camera] = rows[place - 1][1]
        counted = models_at(Ledgers.around(ledger), at_us)
        assert {each.camera: (each.model_id, each.veil_id, each.settings_id) for each in counted} == wanted
        (some, *_) = truth
        alone = models_at(Ledgers.around(ledger), at_us, "plant-1", some)
        assert alone == tuple(each for each in counted if each.camera == some)


def test_rules_that_are_in_force_now_are_said_to_be(ledger: Ledger):
    Connection(ledger).send(1, [seen(0)])
    (before,) = models_at(Ledgers.around(ledger), T0)
    assert (before.rules_version, before.settings_id) == (0, SiteSettings.default().settings_id)
    ledger.configure("plant-1", RULES[1])
    (after,) = models_at(Ledgers.around(ledger), T0)
    assert after == replace(before, rules_version=None)


def test_an_unknown_site_is_refused_and_an_unknown_camera_has_nothing(ledger: Ledger):
    with pytest.raises(UnknownSiteError):
        models_at(Ledgers.around(ledger), T0, "plant-9")
    assert models_at(Ledgers.around(ledger), T0, "plant-1", "roof") == ()
