"""Files of a plan: rates, settings and prices, each read whole or refused in a line that names what is wrong."""

import json
from pathlib import Path

import pytest

from raypp.capacity.plan import plan_capacity
from raypp.capacity.prices import CapacityPrices, MonthlyCosts
from raypp.capacity.rates import MeasuredRates
from raypp.capacity.settings import CapacitySettings
from raypp.errors import OptionError
from tests.capacity.rates import document, hand_made


def test_rates_go_there_and_back(tmp_path: Path) -> None:
    rates = hand_made()
    (tmp_path / "rates.json").write_text(rates.model_dump_json())
    assert MeasuredRates.load(tmp_path / "rates.json") == rates


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"version": 2}, "version must be 1 (got 2)"),
        (
            {"machine": {"processor": "x", "cores": 0, "memory_bytes": 1}},
            "machine: cores must be greater than",
        ),
        ({"veils": []}, "veils is not known; did you mean veil?"),
        ({"agent": {"fps": 2.0, "frame_ms": -1, "base_bytes": 1, "camera_bytes": 1}}, "agent: frame_ms must be"),
    ],
)
def test_rates_that_are_none_are_refused(tmp_path: Path, parts: dict[str, object], words: str) -> None:
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(document(**parts)))
    with pytest.raises(OptionError) as raised:
        MeasuredRates.load(path)
    assert words in str(raised.value)
    assert str(path) in str(raised.value)
    assert "give a file of `raypp bench`" in str(raised.value)


def test_options_overrule_the_file(tmp_path: Path) -> None:
    file = tmp_path / "capacity.yaml"
    file.write_text("sites: 10\ncameras: 8\nheadroom: 0.5\n")
    settings = CapacitySettings.merged(file, {"sites": 20, "cameras": None})
    assert (settings.sites, settings.cameras, settings.headroom) == (20, 8, 0.5)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("sites: 10\ncamera: 8\n", {}, "camera is not known; did you mean cameras?"),
        ("- sites\n", {}, "must map names to values"),
        ("sites: 0\n", {}, "sites must be greater than or equal to 1 (got 0)"),
        ("cameras: 4\n", {}, "sites is missing"),
        ("sites: 1\n", {"fps": -1}, "fps must be greater than 0 (got -1)"),
        ("sites: 1\n", {"hours": 25}, "hours must be less than or equal to 24 (got 25)"),
        ("sites: 1\n", {"headroom": 1}, "headroom must be less than or equal to 0.9 (got 1)"),
        ("sites: 1\n", {"fps": float("nan")}, "fps must be"),
        ("sites: 1\n", {"device": "tpu"}, "device must be 'cpu' or 'gpu' (got 'tpu')"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, text: str, options: dict[str, object], words: str) -> None:
    file = tmp_path / "capacity.yaml"
    file.write_text(text)
    with pytest.raises(OptionError) as raised:
        CapacitySettings.merged(file, options)
    assert words in str(raised.value)
    assert str(file) in str(raised.value)


def test_money_is_what_the_prices_say_and_names_what_has_none(tmp_path: Path) -> None:
    plan = plan_capacity(CapacitySettings(sites=1000), hand_made())
    file = tmp_path / "prices.yaml"
    file.write_text("currency: EUR\nnode: 300\nstorage_gb: 0.1\n")
    costs = MonthlyCosts.of(plan, CapacityPrices.load(file))
    assert costs.amounts == {"nodes": 300 * plan.nodes, "storage": pytest.approx(plan.ledger_bytes_kept / 1e10)}
    assert costs.total == pytest.approx(sum(costs.amounts.values()))
    assert costs.unpriced == ("databases", "wire", "cores beside cameras")


@pytest.mark.parametrize(
    ("text", "words"), [("node: -3\n", "node must be"), ("nodes: 3\n", "did you mean node?"), ("node: cheap\n", "node")]
)
def test_prices_that_are_none_are_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(OptionError) as raised:
        CapacityPrices.load(file)
    assert words in str(raised.value)
