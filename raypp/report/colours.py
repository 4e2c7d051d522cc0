"""Colours of tools, in the order of their names; lanes are named too, so that colour carries nothing alone."""

LIGHT = ("#3b6fd4", "#d9772b", "#178a7d", "#b8428a", "#7457c4", "#7d8c22", "#b0463a", "#2f93bd")
"""On white paper."""

DARK = ("#7aa5f5", "#f0a467", "#55c7b8", "#e58bc0", "#ac97f2", "#bfcc66", "#e58a7e", "#74c6e8")
"""On a dark page."""


def number(tools: tuple[str, ...], tool: str) -> int:
    """Which of the colours a tool has."""
    return tools.index(tool) % len(LIGHT)
