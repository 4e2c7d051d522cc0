import json
import re

import pytest
from sqlalchemy import event

from tests.reports.conftest import ODD
from tests.web.pages import RANGE, Page, get


def test_lanes_show_each_tool_at_each_station_with_its_uses(plant):
    page = Page(get(plant, "/sites/plant-1", RANGE))
    lanes = [
        (attributes["data-tool"], attributes["data-station"], attributes["data-uses"])
        for _, attributes in page.elements
        if "data-tool" in attributes
    ]
    assert lanes == [("hammer", ODD, "1"), ("hammer", "left", "2"), ("saw", "left", "2")]
    assert "3 min 30 s" in page.text  # hammer: 60 + 30 + 120 seconds
    assert "75 %" in page.text  # the helmet
    assert "camera covered" in page.text
    assert "no frames came" in page.text


def test_a_camera_is_observed_and_never_used_or_not_used(plant):
    page = get(plant, "/sites/plant-1", RANGE).body.decode()
    coverage = page[page.index('id="coverage"') :]
    heads = [re.sub("<[^>]+>", "", head) for head in re.findall(r"<th[^>]*>.*?</th>", coverage)[:6]]
    assert heads == ["Where", "Share", "Used", "Not used", "Observed", "Not observed"]
    rows = [re.findall(r'<td class="n">(.*?)</td>', row) for row in coverage.split("<tr>") if ">camera </span>" in row]
    assert rows
    for used, idle, observed, unseen in rows:
        assert (used, idle) == ("", "")
        assert observed
        assert unseen


def test_uses_are_listed_newest_first_and_safety_equipment_is_no_use(plant):
    page = Page(get(plant, "/sites/plant-1/episodes", RANGE))
    listed = page.named("data-episode")
    answer = json.loads(get(plant, "/api/sites/plant-1/episodes").body)["episodes"]
    uses = [episode["episode_id"] for episode in answer if episode["tool"] in {"hammer", "saw"}]
    assert listed == uses[::-1]
    assert "in use now" in page.text


def test_a_site_without_frames_and_a_day_without_any_say_so(plant):
    assert "No frames yet" in Page(get(plant, "/sites/quiet")).text
    assert "coverage 0 %" in Page(get(plant, "/sites/plant-1", "from=2026-02-01")).text
    assert "No uses" in Page(get(plant, "/sites/quiet/episodes")).text
    report = json.loads(get(plant, "/api/sites/plant-1/report", "from=2026-02-01").body)
    assert report["coverage"][0]["observed_share"] == 0


def test_a_range_in_the_future_is_empty_and_no_error(plant):
    assert "Nothing was recorded" in Page(get(plant, "/sites/plant-1", "from=2030-01-01")).text


def test_a_page_reads_the_streams_once_and_not_what_their_folds_remember(plant):
    spans = []

    def note(_connection, _cursor, statement, *_):
        if "FROM streams JOIN models" in statement:
            spans.append(statement)

    event.listen(plant.ledger.database.engine, "before_cursor_execute", note)
    try:
        get(plant, "/sites/plant-1")
    finally:
        event.remove(plant.ledger.database.engine, "before_cursor_execute", note)
    (statement,) = spans
    assert "streams.state" not in statement
    assert "streams.newest_us" in statement


@pytest.mark.parametrize(("path", "why"), [("/", "no camera saw"), (f"/sites/plant-1?{RANGE}", "camera covered")])
def test_time_not_observed_is_hatched_once_on_a_ground_of_its_own(plant, path, why):
    page = Page(get(plant, *path.split("?")))
    rects = [attributes for tag, attributes in page.elements if tag == "rect"]
    places = [(rect.get("class"), rect.get("x"), rect.get("width")) for rect in rects]
    hatched = [index for index, (kind, *_) in enumerate(places) if kind == "gap"]
    assert hatched
    for index in hatched:
        assert places[index - 1] == ("ground", *places[index][1:])
    assert len(hatched) == sum(kind == "ground" for kind, *_ in places)
    assert f"not observed: {why}" in page.text
    assert "no frames came" not in page.text or path != "/"
    assert ".ground { fill: var(--card) }" in page.text
