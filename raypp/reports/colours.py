"""Colours of tools, by the number of their class in the model; each tool is named, too."""

from collections.abc import Iterable, Mapping

from raypp.usage.rules import ToolRules

LIGHT = ("#3b6fd4", "#d9772b", "#178a7d", "#b8428a", "#7457c4", "#7d8c22", "#b0463a", "#2f93bd")
"""On white paper."""

DARK = ("#7aa5f5", "#f0a467", "#55c7b8", "#e58bc0", "#ac97f2", "#bfcc66", "#e58a7e", "#74c6e8")
"""On a dark page."""

Colours = Mapping[str, int]
"""Which of the colours each tool has."""


def colours_of(tools: Iterable[str], rules: Iterable[ToolRules] = (), classes: Iterable[str] = ()) -> Colours:
    """Give tools their colours: the same wherever a tool is shown, whichever others are shown beside it.

    Args:
        tools: names, as settings call the tools.
        rules: that tell the class of each tool; one without rules is called as its class is.
        classes: of the models, in order; tools of other classes come behind, by name.
    """
    places = {name: place for place, name in enumerate(dict.fromkeys(classes))}
    class_of = {rule.tool: rule.class_name for rule in rules}
    names = {tool: class_of.get(tool, tool) for tool in tools}
    others = sorted({name for name in names.values() if name not in places})
    places |= {name: len(places) + place for place, name in enumerate(others)}
    return {tool: places[name] % len(LIGHT) for tool, name in names.items()}
