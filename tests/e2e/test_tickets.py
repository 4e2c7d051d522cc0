"""One round of tickets as its two sides meet it, by the commands of docs/how-to/tickets.md."""

import json
from pathlib import Path

import pytest

from raypp.evaluate.hardest import uncertainty
from raypp.evaluate.predict import predict_here
from raypp.evaluate.request import PredictSettings
from raypp.shards.labels import read_labels, write_labels
from raypp.shards.store import Store
from tests.command import raypp, succeed
from tests.detect.archives import eager_detector, veiled_dataset
from tests.tickets.archives import labels_of, suspects


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive of six images, and suspects about it."""
    place = tmp_path_factory.mktemp("place")
    veiled_dataset(place, count=6)
    (place / "suspects.csv").write_text(suspects(place / "veiled"))
    return place


def _pieces(place: Path) -> list[bytes]:
    """Parts of each secret and each image: of its pixels' bytes, as they lie in files and in memory."""
    key = (place / "owner.key").read_bytes()
    secrets = [part for part in key.split() if len(part) >= 16]
    images = [path.read_bytes() for path in (place / "tools" / "images").rglob("*.jpg")]
    return [*secrets, *(image[at : at + 24] for image in images for at in range(200, len(image) - 24, 200))]


def test_a_round_of_tickets_mends_labels_and_nothing_plain_leaves(place: Path) -> None:
    archive, tickets, given = place / "veiled", place / "tickets.jsonl", place / "given.jsonl"
    succeed("ticket", "open", archive, "--from", place / "suspects.csv", "--top", 100, "--out", tickets)
    names = [json.loads(line)["ticket"] for line in tickets.read_text().splitlines()]
    right = {"class": "saw", "x": 0.5, "y": 0.5, "w": 0.2, "h": 0.2}
    lines = [
        {"ticket": names[0], "verdict": "disagree"},
        {"ticket": names[1], "verdict": "agree"},
        {"ticket": names[2], "verdict": "corrected", "boxes": [right]},
    ]
    scripted = place / "scripted.jsonl"
    scripted.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for _ in range(2):  # as after a kill: what is there is not there twice
        succeed("ticket", "answer", tickets, "--archive", archive, "--answers", scripted, "--out", given)
    assert len(given.read_text().splitlines()) == 3
    out = place / "answers.jsonl"
    succeed("ticket", "apply", tickets, "--archive", archive, "--given", given, "--name", "tools-v2", "--out", out)
    before, after = labels_of(archive, "tools-v1").by_sample(), read_labels(Store(str(archive)), "tools-v2").by_sample()
    assert sum(before[name] != after[name] for name in before) == 2
    assert [json.loads(line)["verdict"] for line in out.read_text().splitlines()] == ["disagree", "agree", "corrected"]
    leaving = [tickets, out, *(path for path in archive.rglob("*") if path.is_file())]
    content = {path: path.read_bytes() for path in leaving}
    sought = _pieces(place)
    assert len(sought) > 50
    assert [str(path) for path, held in content.items() if any(piece in held for piece in sought)] == []
    words = [path.name.encode() for path in (place / "tools" / "images").rglob("*.jpg")] + [str(place).encode()]
    assert not any(word in content[path] for path in (tickets, out) for word in words)


def test_bad_input_is_one_line(place: Path, tmp_path: Path) -> None:
    archive, tickets = place / "veiled", tmp_path / "tickets.jsonl"
    succeed("ticket", "open", archive, "--labels", "tools-v1", "--from", place / "suspects.csv", "--out", tickets)
    for words, message in (
        (["open", archive, "--out", tmp_path / "x"], "nothing to ask: give --from a file of suspects, or --hardest"),
        (["open", archive, "--labels", "tools-v1", "--hardest", 3, "--out", tmp_path / "x"], "give one with --model"),
        (
            ["apply", tickets, "--archive", archive, "--name", "x", "--given", tmp_path / "none"],
            "there is no such file",
        ),
        (
            ["answer", tickets, "--archive", archive, "--out", archive / "given.jsonl"],
            "and the owner's answers would leave the perimeter",
        ),
    ):
        done = raypp("ticket", *words)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert message in done.stderr


@pytest.mark.slow
def test_the_hardest_frames_are_those_that_the_detector_is_least_sure_of(place: Path, tmp_path: Path) -> None:
    archive = veiled_dataset(tmp_path, count=9)
    detector, table = eager_detector(archive, tmp_path / "detector"), labels_of(archive)
    sure = {
        sample.detections.sample_id: uncertainty(sample.detections)
        for split in table.splits
        for sample in predict_here(
            PredictSettings(archive=str(archive), labels_version="tools-v1", split=split, detector=detector)
        )
    }
    free = [row.sample_id for row in table.rows[:5]]
    write_labels(Store(str(archive)), "some", table.classes, table.veil_id, table.rows[5:])
    tickets = tmp_path / "tickets.jsonl"
    options = ("--hardest", 3, "--model", detector, "--labels", "some", "--out", tickets)
    succeed("ticket", "open", archive, *options)
    lines = [json.loads(line) for line in tickets.read_text().splitlines()]
    assert [line["sample_id"] for line in lines] == sorted(free, key=lambda name: -sure[name])[:3]
    assert {(line["kind"], "box" in line) for line in lines} == {("unlabelled", False)}
