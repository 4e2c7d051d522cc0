import csv
import json

import pytest

from raypp.errors import LabelError, OptionError
from raypp.ledger.store import Ledger
from raypp.reports.truth import compare_with_truth
from tests.reports.plants import Day, Seen, moment, record
from tests.reports.test_command import RANGE, report

TRUTH = """tool,start_s,end_s
hammer,60,120
saw,150,182
hammer,300,330
hammer,410,500
hammer,570,700
saw,700,720
"""


@pytest.fixture
def marked(tmp_path):
    path = tmp_path / "gate.uses.csv"
    path.write_text(TRUTH)
    return path


def scored(plant, marked, tmp_path, *more):
    report(plant, "plant-1", "--truth", f"gate={marked}", "--json", tmp_path / "truth.json", *more)
    return json.loads((tmp_path / "truth.json").read_text())


def test_uses_are_right_missed_false_or_not_observed(plant, marked, tmp_path):
    truth = scored(plant, marked, tmp_path)
    rows = [(use["tool"], use["verdict"], use["true_start_s"], use["reported_start_s"]) for use in truth["uses"]]
    assert rows == [
        ("hammer", "right", 60, 60),
        ("saw", "right", 150, 150),
        ("hammer", "right", 300, 300),
        ("hammer", "not observed", 410, None),
        ("hammer", "right", 570, 570),
        ("saw", "missed", 700, None),
        ("saw", "false alarm", None, 1100),
    ]
    assert truth["videos"] == {"gate": "2026-03-02T13:50:00+01:00"}
    total = truth["total"]
    assert [total[name] for name in ("true", "reported", "right", "not_observed")] == [5, 5, 4, 1]
    assert (total["precision"], total["recall"], total["f1"]) == pytest.approx((0.8, 0.8, 0.8))
    assert total["duration_error_s"] == pytest.approx((0 + 2 + 0 + 10) / 4)


def test_a_use_that_overlaps_too_little_counts_at_lower_overlaps_alone(plant, tmp_path):
    path = tmp_path / "late.uses.csv"
    path.write_text("tool,start_s,end_s\nhammer,60,240\n")
    truth = scored(plant, path, tmp_path, "--tool", "hammer")
    assert truth["f1"] == pytest.approx({"0.1": 0.5, "0.25": 0.5, "0.5": 0})
    assert [use["verdict"] for use in truth["uses"]] == ["false alarm", "missed", "false alarm", "false alarm"]
    assert truth["total"]["duration_error_s"] is None


def test_it_prints_scores_and_what_is_wrong(plant, marked):
    lines = [" ".join(line.split()) for line in report(plant, "plant-1", "--truth", f"gate={marked}").splitlines()]
    assert lines[1] == "gate: its video began at 2026-03-02T13:50:00+01:00"
    assert "hammer 3 3 3 100 % 100 % 1.00 3.3 s 1" in lines
    assert "all 5 5 4 80 % 80 % 0.80 3.0 s 1" in lines
    assert "F1@10 0.80, F1@25 0.80, F1@50 0.80" in lines
    assert "gate saw missed 700.0 to 720.0 -" in lines


def test_files_hold_a_row_for_each_tool_and_use(plant, marked, tmp_path):
    out = tmp_path / "out"
    truth = scored(plant, marked, tmp_path, "--out", out)
    assert json.loads((out / "truth.json").read_text()) == truth
    for name, rows in (("truth.csv", truth["tools"]), ("truth-uses.csv", truth["uses"])):
        with (out / name).open(newline="") as file:
            assert [row["tool"] for row in csv.DictReader(file)] == [row["tool"] for row in rows]


def test_what_cannot_be_compared_is_named(plant, marked, tmp_path):
    def refused(words, *arguments):
        with pytest.raises(OptionError, match=words):
            report(plant, *arguments)

    refused("--truth 'gate' names no camera and file", "plant-1", "--truth", "gate")
    refused("names camera 'gate' twice", "plant-1", "--truth", f"gate={marked}", "--truth", f"gate={marked}")
    refused("report of its own", "plant-1", "--truth", f"gate={marked}", "--safety")
    refused("`truth` 'roof': plant-1 has no camera of that name; known: gate", "plant-1", "--truth", f"roof={marked}")
    refused("its video began before this range", "plant-1", "--truth", f"gate={marked}", "--from", "2026-03-02T13:55")
    refused("it sent no frames in this range", "plant-1", "--truth", f"gate={marked}", "--from", "2026-02-01")
    refused("none.csv", "plant-1", "--truth", f"gate={tmp_path / 'none.csv'}")
    marked.write_text("tool,start_s,end_s\nhammer,5,2\n")
    with pytest.raises(LabelError, match=r"gate\.uses\.csv:2: hammer ends at 2"):
        report(plant, "plant-1", *RANGE, "--truth", f"gate={marked}")


def test_of_a_camera_that_began_twice_a_range_with_one_video_is_needed(marked, tmp_path):
    starts = [moment(2026, 3, 1, hour) for hour in (9, 11)]
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        ledger.add_site("plant")
        days = [Day("gate", start, 200, [Seen("hammer", 60, 120)]) for start in starts]
        record(ledger, "plant", days, ["hammer"], live=False)
        files = {"gate": marked}
        with pytest.raises(OptionError, match=r"began 2 videos in this range, at 2026-03-01T08:.*, 2026-03-01T10:"):
            compare_with_truth(ledger, "plant", files)
        (hammer,) = compare_with_truth(ledger, "plant", files, "2026-03-01T10:00", None, ("hammer",)).tools
        assert (hammer.true, hammer.reported, hammer.right, hammer.not_observed) == (1, 1, 1, 3)
