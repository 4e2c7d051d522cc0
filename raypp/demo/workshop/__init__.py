"""The procedural workshop that the demo videos."""
