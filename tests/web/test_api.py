import json

import pytest

from tests.reports.conftest import NOW_US
from tests.web.pages import RANGE, get


def test_the_report_has_exact_figures(plant):
    report = json.loads(get(plant, "/api/sites/plant-1/report", RANGE).body)
    tools = {tool["name"]: tool for tool in report["tools"]}
    assert tools["hammer"]["states"] == {"used_s": 210.0, "not_used_s": 812.5, "not_observed_s": 177.5}
    assert tools["hammer"]["episodes"] == 3
    assert (tools["hammer"]["durations"]["p50_s"], tools["hammer"]["durations"]["max_s"]) == (60.0, 120.0)
    assert report["coverage"][0]["reasons_s"] == {"covered": 120.0, "no frames": 57.5}
    assert [(shift["name"], shift["coverage"][0]["not_observed_s"]) for shift in report["shifts"]] == [
        ("Early", 120.0),
        ("Late", 57.5),
    ]


def test_without_a_range_the_latest_day_is_shown_and_silence_counts_up_to_now(plant):
    report = json.loads(get(plant, "/api/sites/plant-1/report").body)
    assert report["start"] == "2026-03-02T13:50:00+01:00"
    assert report["to_us"] == NOW_US  # the camera has not ended its stream
    ended = json.loads(get(plant, "/api/sites/other/report").body)
    assert ended["start"] == "2026-03-01T08:00:00+00:00"
    assert (ended["to_us"] - ended["from_us"]) / 1e6 == pytest.approx(60, abs=1)


def test_a_day_ends_at_the_present(plant):
    report = json.loads(get(plant, "/api/sites/plant-1/report", "from=today").body)
    assert report["start"] == "2026-03-02T00:00:00+01:00"
    assert report["to_us"] == NOW_US


def test_episodes_come_in_pages_each_once(plant):
    episodes, token = [], ""
    for _ in range(10):
        answer = json.loads(get(plant, "/api/sites/plant-1/episodes", f"limit=2&page={token}").body)
        assert len(answer["episodes"]) <= 2
        episodes += answer["episodes"]
        token = answer["next_page"]
        if token is None:
            break
    whole = json.loads(get(plant, "/api/sites/plant-1/episodes", "limit=1000").body)
    assert episodes == whole["episodes"]
    assert (
        len({episode["episode_id"] for episode in episodes}) == len(episodes) == 7
    )  # five uses, a helmet and its wearer
    assert episodes[0].keys() >= {
        "tool",
        "station",
        "camera",
        "start",
        "end",
        "duration_s",
        "seen_s",
        "state",
        "reason",
    }


def test_episodes_of_one_tool_in_a_range(plant):
    query = "tool=hammer&from=2026-03-02T14:00&to=2026-03-02T14:10"
    (episode,) = json.loads(get(plant, "/api/sites/plant-1/episodes", query).body)["episodes"]
    assert (episode["start"], episode["duration_s"]) == ("2026-03-02T13:59:30+01:00", 120.0)


def test_csv_holds_every_episode(plant):
    answer = get(plant, "/api/sites/plant-1/episodes.csv", RANGE)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="plant-1-episodes.csv"'
    assert len(answer.body.decode().split("\r\n")) == 1 + 7 + 1
