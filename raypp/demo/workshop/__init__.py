"""The procedural workshop that the demo films."""
