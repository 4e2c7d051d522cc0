"""Settings of the demo's sites: a tool is in use while it moves, steps have an order, who works wears a helmet."""

from dataclasses import dataclass

from raypp.demo.floor.camera import CELLS
from raypp.demo.workshop.procedure import FIXTURE, OTHERS, SHORTEST_S, STEPS
from raypp.demo.workshop.tools import BENCH_CLASSES, CLASSES, PART
from raypp.demo.yard.sight import SMALLEST

BENCH, FLOOR = "bench-1", "floor-1"
"""Cameras of a site whose rules are about procedures, and about people."""


@dataclass(frozen=True)
class MovingTools:
    """When a tool that moves is in use: what exact boxes allow; boxes of a detector tremble, and are missed.

    Attributes:
        min_shift: above the trembling of boxes on a tool that lies.
        min_confidence: least confidence of detections that are looked at.
        min_on_s: shortest use.
        max_gap_s: longest standstill within a use.
    """

    min_shift: float = 0.006
    min_confidence: float = 0.25
    min_on_s: float = 0.7
    max_gap_s: float = 0.6


def sample_site_settings(site: str, moving: MovingTools = MovingTools()) -> str:
    """Write the YAML of one of the sample's sites; `raypp site configure` takes it.

    Args:
        site: name of the site.
        moving: when a tool is in use.
    """
    rule = (
        f"mode: moving, min_on_s: {moving.min_on_s}, max_gap_s: {moving.max_gap_s}, min_shift: {moving.min_shift}, "
        f"max_hidden_s: 8, min_confidence: {moving.min_confidence}"
    )
    tools = "".join(f"  - {{class: {name}, {rule}}}\n" for name in CLASSES)
    return f"""# A tool on the bench is in use from when it is taken from its place until it lies still again.
site: {site}
time_zone: UTC
shifts:
  - {{name: early, start: 06:00, end: 14:00}}
  - {{name: late, start: 14:00, end: 22:00}}
max_frame_gap_s: 1
max_lateness_s: 0
tools:
{tools}"""


def compliance_site_settings(site: str) -> str:
    """Write the YAML of a site with a procedure at its bench, and zones on its floor.

    Args:
        site: name of the site.
    """
    return f"""{sample_site_settings(site)}{_PART}people: {{cells: {CELLS}}}
equipment:
  - {{item: helmet, on: head, yes: [helmet], no: [no_helmet], min_cells: {SMALLEST["helmet"]}}}
  - {{item: vest, on: torso, yes: [vest], no: [no_vest], min_cells: {SMALLEST["vest"]}}}
  - {{item: glasses, on: eyes, yes: [glasses], min_cells: {SMALLEST["glasses"]}}}
cameras:
{_STATION}  {FLOOR}:
    zones:
      machine:
        polygon: [[0.05, 0.6], [0.58, 0.6], [0.58, 1], [0.05, 1]]
        require: [helmet, vest, glasses]
        grace_s: 1
      robot cell:
        polygon: [[0.64, 0.6], [0.92, 0.6], [0.92, 1], [0.64, 1]]
        forbidden: true
        grace_s: 0.5
{_PROCEDURES}"""


def procedure_site_settings(site: str, moving: MovingTools) -> str:
    """Write the YAML of a site with a procedure at its bench alone.

    Args:
        site: name of the site.
        moving: when a tool is in use.
    """
    return f"{sample_site_settings(site, moving)}{_PART}cameras:\n{_STATION}{_PROCEDURES}"


def _station() -> str:
    left, top, right = FIXTURE[0] - 0.14, FIXTURE[1] - 0.2, FIXTURE[0] + 0.14
    corners = f"[{left:.2f}, {top:.2f}], [{right:.2f}, {top:.2f}], [{right:.2f}, 1], [{left:.2f}, 1]"
    return f"  {BENCH}:\n    stations:\n      fixture: [{corners}]\n"


def _procedures() -> str:
    steps = "".join(f"      - {{name: {tool}, tools: [{tool}], min_s: {SHORTEST_S}, max_gap_s: 3}}\n" for tool in STEPS)
    return f"""procedures:
  - name: casting
    cameras: [{BENCH}]
    execution: {{during: {BENCH_CLASSES[PART]}, station: fixture}}
    ignore: [{", ".join(OTHERS)}]
    steps:
{steps}"""


_PART = f"  - {{class: {BENCH_CLASSES[PART]}, stations: [fixture], min_on_s: 1, max_gap_s: 1}}\n"
_STATION, _PROCEDURES = _station(), _procedures()
