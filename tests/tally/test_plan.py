"""Plans and figures: what is wrong is said in one line, before anybody is called."""

import json
from pathlib import Path
from typing import Any

import pytest

from raypp.errors import OptionError, TallyError
from raypp.tally.plan import Source, load_tally_plan
from raypp.tally.run import prepared
from raypp.tally.values import read_values
from tests.tally.parties import Parties

_HOURS = {"name": "hours", "most": 10, "decimals": 1}
_USES = {"name": "uses", "source": "uses", "most": 100, "cells": ["saw", "hammer"], "least_total": 5}


@pytest.fixture
def parties(tmp_path: Path) -> Parties:
    return Parties(tmp_path, 3, [_HOURS])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"figures": []}, "figures"),
        ({"figures": [_HOURS, _HOURS]}, "two figures have one name"),
        ({"figures": [{**_HOURS, "open": ["rank"], "cells": ["a"]}]}, "of which only the sum is opened"),
        ({"figures": [{**_HOURS, "least_total": 3}]}, "least_total goes with cells"),
        ({"figures": [_USES, {"name": "all", "source": "uses", "most": 100}]}, "would tell what closed cells of uses"),
        ({"figures": [{**_HOURS, "tool": "saw"}]}, "tool goes with a single figure"),
        ({"least": 2}, "least"),
        ({"partie": {}}, "partie"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(parties: Parties, changed: dict[str, Any], words: str):
    with pytest.raises(OptionError, match=words) as raised:
        load_tally_plan(parties.write_plan("bad.yaml", **changed))
    assert "bad.yaml" in str(raised.value)


def test_parties_are_three_at_least_and_each_has_its_own_certificate_and_address(parties: Parties):
    named = parties.plan["parties"]
    two = dict(list(named.items())[:2])
    with pytest.raises(OptionError, match="at least 3"):
        load_tally_plan(parties.write_plan("two.yaml", parties=two))
    same = {**named, "plant-3": {**named["plant-3"], "certificate": "plant-1.crt"}}
    with pytest.raises(OptionError, match="two parties have one certificate"):
        load_tally_plan(parties.write_plan("same.yaml", parties=same))
    near = {**named, "plant-3": {**named["plant-3"], "address": named["plant-1"]["address"]}}
    with pytest.raises(OptionError, match="two parties have one address"):
        load_tally_plan(parties.write_plan("near.yaml", parties=near))
    (parties.folder / "gone.crt").write_text("no certificate")
    for name, words in (("gone.crt", "is none; give what"), ("nowhere.crt", "cannot be read")):
        other = {**named, "plant-3": {**named["plant-3"], "certificate": name}}
        with pytest.raises(OptionError, match=words):
            load_tally_plan(parties.write_plan("other.yaml", parties=other))


def test_the_digest_is_of_what_a_plan_says_and_not_of_its_file(parties: Parties, tmp_path: Path):
    plan = load_tally_plan(parties.folder / "tally.yaml")
    document = json.loads((parties.folder / "tally.yaml").read_text())
    (parties.folder / "spaced.yaml").write_text(json.dumps(document, indent=4))
    assert load_tally_plan(parties.folder / "spaced.yaml").digest == plan.digest
    turned = dict(reversed(document["parties"].items()))
    assert load_tally_plan(parties.write_plan("turned.yaml", parties=turned)).digest != plan.digest
    assert load_tally_plan(parties.write_plan("least.yaml", least=4)).digest != plan.digest
    assert any("two who work together know the third's" in line for line in plan.warnings())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "figure hours: no value"),
        ({"hours": 11}, "11 is not from 0 to 10"),
        ({"hours": -1}, "-1 is not from 0 to 10"),
        ({"hours": {"a": 1}}, "needs one number"),
        ({"hours": 1, "days": 2}, "asks for no given figure 'days'"),
        ({"hours": "much"}, "write numbers"),
        ({"hours": True}, "write numbers"),
    ],
)
def test_figures_that_do_not_fit_are_refused(parties: Parties, values: dict[str, Any], words: str):
    with pytest.raises(OptionError, match=words):
        prepared(parties.settings(0, values))


def test_a_strangers_name_and_an_open_key_are_refused(parties: Parties):
    with pytest.raises(OptionError, match="`party` plant-9 is no party of the plan; it has plant-1, plant-2, plant-3"):
        prepared(parties.settings(0, {"hours": 1}, party="plant-9"))
    (parties.folder / "plant-1.key").chmod(0o644)
    with pytest.raises(TallyError, match="is open to others"):
        prepared(parties.settings(0, {"hours": 1}))


def test_figures_of_reports_are_of_the_plans_period(tmp_path: Path):
    figures = [
        _USES,
        {"name": "use", "source": "use_hours", "tool": "saw", "most": 100, "decimals": 2},
        {"name": "rate", "source": "violations_per_1000_person_hours", "most": 1e6, "decimals": 1},
    ]
    period = {"from": "2026-11-02T00:00:00", "to": "2026-11-09T00:00:00"}
    parties = Parties(tmp_path, 3, figures, least_coverage=0.5, **period)
    plan = load_tally_plan(parties.folder / "tally.yaml")
    usage, safety = tmp_path / "report.json", tmp_path / "safety.json"
    usage.write_text(json.dumps(_usage(1.0)))
    safety.write_text(json.dumps(_safety()))
    assert read_values(plan, None, usage, safety) == ((7, 0), (150,), (200000,))
    usage.write_text(json.dumps(_usage(0.4)))
    assert read_values(plan, None, usage, safety)[:2] == (None, None), "too little was observed"
    usage.write_text(json.dumps(_usage(1.0) | {"end": "2026-11-08T00:00:00+02:00"}))
    with pytest.raises(OptionError, match="ends at 2026-11-08"):
        read_values(plan, None, usage, safety)
    with pytest.raises(OptionError, match="is of a report; give its JSON as `safety`"):
        read_values(plan, None, _written(usage, _usage(1.0)), None)
    with pytest.raises(OptionError, match="give a file of `raypp report --safety --json`"):
        read_values(plan, None, usage, usage)
    assert Source.VIOLATION_RATE.is_of_safety


def _written(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(json.dumps(document))
    return path


def _durations() -> dict[str, Any]:
    return {"count": 0, **dict.fromkeys(("mean_s", "min_s", "p10_s", "p50_s", "p90_s", "max_s"))}


def _coverage(share: float) -> dict[str, Any]:
    return {
        "camera": "bench",
        "observed_s": 1000 * share,
        "not_observed_s": 1000 * (1 - share),
        "observed_share": share,
        "reasons_s": {},
    }


def _frame() -> dict[str, Any]:
    return {
        "site": "plant-1",
        "time_zone": "Europe/Helsinki",
        "from_us": 0,
        "to_us": 1,
        "start": "2026-11-02T00:00:00+02:00",
        "end": "2026-11-09T00:00:00+02:00",
    }


def _usage(share: float) -> dict[str, Any]:
    states = {"used_s": 5400.0, "not_used_s": 10.0, "not_observed_s": 0.0}
    tool = {"name": "saw", "used": True, "states": states, "episodes": 7, "durations": _durations()}
    empty = {name: [] for name in ("stations", "lanes", "worn", "shifts", "sequence", "transitions")}
    return {**_frame(), "settings_id": "s", "coverage": [_coverage(share)], "tools": [tool], **empty}


def _safety() -> dict[str, Any]:
    shares = {"worn_share": None, "cannot_tell_share": None, "reasons_s": {}, "violations_s": 1.0}
    worn = {"worn_s": 1800.0, "not_worn_s": 900.0, "cannot_tell_s": 900.0}
    totals = [
        {"camera": "bench", "zone": "hall", "kind": "not_worn", "item": item, "violations": 10, **worn, **shares}
        for item in ("helmet", "vest")
    ]
    return {**_frame(), "coverage": [_coverage(1.0)], "totals": totals, "days": [], "shifts": [], "violations": []}
