"""Settings of the demo's sites: a tool of the sample is in use while it moves."""

from raypp.demo.tools import CLASSES


def site_settings(site: str) -> str:
    """Write the YAML of one of the sample's sites; `raypp site configure` takes it."""
    tools = "".join(
        f"  - {{class: {name}, mode: moving, min_on_s: 0.7, max_gap_s: 0.6, min_shift: 0.006, max_hidden_s: 8}}\n"
        for name in CLASSES
    )
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
