"""Settings of the demo's sites: a tool of the sample is in use while it moves."""

from raypp.demo.workshop.tools import CLASSES


def sample_site_settings(site: str, min_shift: float = 0.006, min_confidence: float = 0.25) -> str:
    """Write the YAML of one of the sample's sites; `raypp site configure` takes it.

    Args:
        site: name of the site.
        min_shift: above the trembling of boxes on a tool that lies.
        min_confidence: least confidence of detections that are looked at.
    """
    tools = "".join(
        f"  - {{class: {name}, mode: moving, min_on_s: 0.7, max_gap_s: 0.6, min_shift: {min_shift}, max_hidden_s: 8, "
        f"min_confidence: {min_confidence}}}\n"
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
