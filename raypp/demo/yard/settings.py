"""Settings of a yard's site: zones with rules for people, and the equipment that they require."""

from raypp.demo.yard.figure import CELL, HEIGHT, WIDTH
from raypp.demo.yard.sight import SMALLEST

CAMERA = "yard-1"


def yard_site_settings(site: str, cell: int = CELL) -> str:
    """Write the YAML of a yard's site; `raypp site configure` takes it.

    Args:
        site: name of the site.
        cell: side of a cell of the veil, in pixels of the yard.
    """
    cells = {item: f"min_cells: {least}" for item, least in SMALLEST.items()}
    return f"""# Who is on the track or loads wears what they need; nobody goes into the pit, or into the shaft alone.
site: {site}
time_zone: UTC
max_frame_gap_s: 1
max_lateness_s: 0
people: {{cells: {WIDTH // cell}}}
equipment:
  - {{item: helmet, on: head, yes: [helmet], no: [no_helmet], {cells["helmet"]}}}
  - {{item: vest, on: torso, yes: [vest], no: [no_vest], {cells["vest"]}}}
  - {{item: glasses, on: eyes, yes: [glasses], seen: [face], {cells["glasses"]}}}
  - {{item: gloves, on: hands, yes: [glove], no: [bare_hand], count: 2, {cells["gloves"]}}}
  - {{item: shoes, on: feet, yes: [safety_shoe], count: 2, {cells["shoes"]}}}
cameras:
  {CAMERA}:
    aspect: {WIDTH / HEIGHT}
    zones:
      track:
        polygon: [[0.05, 0.55], [0.5, 0.55], [0.5, 0.97], [0.05, 0.97]]
        require: [helmet, vest, gloves, shoes]
        grace_s: 3
        most_people: 2
      loading:
        polygon: [[0.52, 0.55], [0.97, 0.55], [0.97, 0.97], [0.52, 0.97]]
        require: [helmet, vest, glasses]
        grace_s: 2
        min_s: 1.5
      pit:
        polygon: [[0.42, 0.4], [0.6, 0.4], [0.6, 0.54], [0.42, 0.54]]
        forbidden: true
        grace_s: 1
      shaft:
        polygon: [[0.6, 0.6], [0.9, 0.6], [0.9, 0.95], [0.6, 0.95]]
        alone: true
        grace_s: 5
"""
