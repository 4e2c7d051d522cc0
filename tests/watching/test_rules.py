"""Rules and dashboards are valid, each alert has a section of what to do, and a fault that raises it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.watching.expressions import CLUSTER, RULES, dashboards, expressions, metrics_asked_for, rules

_ROOT = CLUSTER.parent
_ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def _promtool(*call: str) -> str:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    done = subprocess.run([tool, *call], check=False, cwd=RULES.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_rules_and_configuration_are_valid() -> None:
    assert f"{len(rules())} rules found" in _promtool("check", "rules", RULES.name)
    _promtool("check", "config", "prometheus.yaml")


def test_each_alert_is_raised_by_its_fault_and_by_nothing_else() -> None:
    assert "SUCCESS" in _promtool("test", "rules", "rules_test.yaml")


@pytest.mark.parametrize("alert", _ALERTS)
def test_each_alert_is_tested_raised_and_quiet_and_says_what_to_do(alert: str) -> None:
    tested = yaml.safe_load((RULES.parent / "rules_test.yaml").read_text())["tests"]
    raised = {
        bool(case.get("exp_alerts"))
        for test in tested
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    }
    assert raised == {True, False}
    page, _, anchor = _ALERTS[alert]["annotations"]["runbook"].partition("#")
    sections = re.findall(r"^## (\w+)$", (_ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {section.lower() for section in sections}
    assert _ALERTS[alert]["labels"]["severity"] in {"page", "ticket"}


def test_what_is_recorded_is_what_is_asked_for() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    named = {name for each in expressions().values() for name in metrics_asked_for(each)}
    assert {name for name in named if name.startswith("raypp:")} <= recorded


def test_expressions_of_dashboards_are_such_that_prometheus_takes_them(tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(expressions().values())]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert f"{len(recorded)} rules found" in _promtool("check", "rules", str(file))


def test_no_expression_makes_a_mean_of_a_histogram() -> None:
    assert [name for name, each in expressions().items() if re.search(r"_sum\b", each)] == []


def test_dashboards_have_names_and_panels_of_their_own() -> None:
    boards = dashboards()
    assert len({board["uid"] for board in boards.values()}) == len(boards) == 5
    for board in boards.values():
        panels = board["panels"]
        assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
        assert all(panel["targets"] for panel in panels)
