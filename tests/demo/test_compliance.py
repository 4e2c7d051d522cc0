"""The sample of sites with rules: the same by seed, and true boxes give its true uses, violations and executions."""

import csv
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from raypp.demo.beside_truth import Compared, HallResult, execution_lines, table
from raypp.demo.floor.camera import LABELLED
from raypp.demo.halls import read_hall, record_truth
from raypp.demo.procedures import PlantedDeviation
from raypp.demo.workshop.compliance import (
    ComplianceSample,
    make_compliance_sample,
)
from raypp.demo.workshop.procedure import deal_kinds
from raypp.demo.workshop.tools import CLASSES
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.media.sidecar import read_sidecar
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName

_EVERY_KIND = {None, PlantedDeviation.MISSING, PlantedDeviation.SWAPPED, PlantedDeviation.TOO_SHORT}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> ComplianceSample:
    return make_compliance_sample(tmp_path_factory.mktemp("sample"), 3)


def _truth_files(sample: ComplianceSample) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sample.inventory.parent.rglob("*_*.csv")}


def test_the_same_seed_gives_the_same_truth(tmp_path: Path) -> None:
    first, again, other = (
        _truth_files(make_compliance_sample(tmp_path / name, seed, sites=1, seconds=14, fps=1))
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )
    assert {name.split(".", 1)[1] for name in first} == {
        "labels.csv",
        "timeline.csv",
        "executions.csv",
        "violations.csv",
    }
    assert again == first != other


def test_two_sites_follow_the_procedure_and_break_it_in_every_way(sample: ComplianceSample) -> None:
    assert set(deal_kinds(3, 0)[:2]) | set(deal_kinds(3, 1)[:2]) == _EVERY_KIND
    rows = [
        row
        for site in sample.sites
        for row in csv.DictReader(site.bench.path.with_suffix(".executions.csv").read_text().splitlines())
    ]
    assert {row["deviation"] for row in rows} == {"", "missing", "out_of_order", "too_short"}
    assert len(rows) == 4


def test_every_floor_has_violations_of_each_rule_and_every_frame_is_labelled(sample: ComplianceSample) -> None:
    for site in sample.sites:
        rows = list(csv.DictReader(site.floor.path.with_suffix(".violations.csv").read_text().splitlines()))
        assert {(row["rule"], row["item"]) for row in rows} == {
            ("require", "helmet"),
            ("require", "vest"),
            ("forbidden", ""),
        }
        sidecar = read_sidecar(site.floor.labels_path.read_text(), "floor")
        assert len(sidecar.times_us) == site.floor.frames == 20 * 5
        assert sidecar.classes == set(LABELLED)


def test_what_the_truth_says_is_drawn(sample: ComplianceSample) -> None:
    site = sample.sites[0]
    with av.open(str(site.floor.path)) as container:
        images = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    empty = np.median(images, axis=0)
    sidecar = read_sidecar(site.floor.labels_path.read_text(), "floor")
    changed = []
    for image, moment in zip(images, sidecar.boxes, strict=True):
        away = np.abs(image - empty).max(axis=2) > 25
        for name, box in moment:
            if name in {"vest", "helmet"} and 0.1 < box.x < 0.9:
                rows = slice(int((box.y - box.h / 2) * 360), int((box.y + box.h / 2) * 360))
                columns = slice(int((box.x - box.w / 2) * 640), int((box.x + box.w / 2) * 640))
                changed.append(away[rows, columns].mean())
    assert len(changed) > 30
    assert np.median(changed) > 0.6


@pytest.fixture(scope="module")
def results(sample: ComplianceSample) -> list[HallResult]:
    """The reports of a service whose detector finds each box exactly, beside a site whose model knows no people."""
    with Ledger.open(sqlite_url(sample.inventory.parent / "ledger.db")) as ledger:
        ledger.add_site("site-a")
        about = StreamAbout(CLASSES, model_id="0" * 64, veil_id="0" * 32, live=False)
        StreamWriter.open(ledger, StreamName("site-a", "bench-1", 1), about)
        record_truth(ledger, sample)
        return [read_hall(ledger, site) for site in sample.sites]


def test_a_perfect_detector_gives_the_truth_through_the_reports(results: list[HallResult]) -> None:
    assert [line.split() for line in table(results)][1:] == [
        ["uses", "of", "tools", "16", "16", "16", "1.00"],
        ["violations", "6", "6", "6", "1.00"],
        ["executions", "4", "4", "4", "1.00"],
    ]
    assert all(
        line.split("truly ")[1].split(", found ")[0] == line.split(", found ")[1] for line in execution_lines(results)
    )
    assert [result.cannot_tell["glasses"] for result in results] == [1.0, 1.0]
    assert all(result.cannot_tell[item] < 0.1 for result in results for item in ("helmet", "vest"))


def test_what_is_missed_and_what_is_wrong_shows_in_the_table(results: list[HallResult]) -> None:
    first, second = results
    executions = first.executions
    assert executions is not None
    worse = replace(
        first,
        violations=Compared(first.violations.predicted[1:], first.violations.true),
        executions=Compared(
            tuple(replace(span, label="missing saw") for span in executions.predicted), executions.true
        ),
    )
    assert [line.split() for line in table([worse, second])][2:] == [
        ["violations", "6", "5", "5", "0.91"],
        ["executions", "4", "4", "2", "0.50"],
    ]
    assert "found missing saw" in execution_lines([worse])[0]
    without = [replace(result, executions=None) for result in results]
    assert len(table(without)) == 3
    assert execution_lines(without) == []
