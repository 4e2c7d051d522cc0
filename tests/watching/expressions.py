"""What the rules and dashboards of cluster/ ask Prometheus for."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

CLUSTER = Path(__file__).parents[2] / "cluster"
RULES = CLUSTER / "prometheus" / "rules.yaml"
_OF_JOBS = ("archives.json", "training.json")
"""Dashboards of what no service exports."""
_GROUPED_BY = re.compile(r"\b(?:by|without) *\([^)]*\)")


def rules() -> list[dict[str, Any]]:
    """All rules, recording and alerting."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboards() -> dict[str, dict[str, Any]]:
    """Dashboards by file name."""
    return {path.name: json.loads(path.read_text()) for path in sorted((CLUSTER / "grafana").glob("*.json"))}


def expressions() -> dict[str, str]:
    """All expressions, by the rule or panel that they are of."""
    expressions_by_name = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()}
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expressions_by_name[f"{name}: {panel['title']} {target['refId']}"] = target["expr"]
    return expressions_by_name


def metrics_asked_for(expression: str) -> set[str]:
    """Names of metrics, recorded ones among them, in an expression; labels that it groups by are none."""
    return set(re.findall(r"\b(?:ray_\w+|raypp:[\w:]+)", _GROUPED_BY.sub("", expression)))


def is_of_jobs(name: str) -> bool:
    """Say whether an expression's name is of a panel for what jobs export, and no service."""
    return name.startswith(_OF_JOBS)


def of_jobs() -> set[str]:
    """Names of metrics that jobs export, in their dashboards."""
    return {metric for name, each in expressions().items() if is_of_jobs(name) for metric in metrics_asked_for(each)}
