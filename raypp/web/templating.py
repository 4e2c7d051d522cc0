"""Templates of pages: every text in them is escaped, and a name that they lack is an error."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from raypp.reports import wording
from raypp.text.wording import counted
from raypp.usage.shifts import local
from raypp.web.assets import REFRESH_S, SCRIPT, STYLE

_JOINERS_AND_SPACES = frozenset("\n\t\u00a0\u200c\u200d")
_BETWEEN_TAGS = re.compile(r"(?<=[>}])\s*\n\s*(?=[<{])")


class _Layout(Extension):
    """Line breaks between two tags lay a template out; they are no space on the page."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002 - Jinja's
        """Turn them into comments, which keep the numbers of lines in error messages."""
        return _BETWEEN_TAGS.sub(lambda space: "{#" + "\n" * space.group().count("\n") + "#}", source)


def environment(*packages: str) -> Environment:
    """Return an environment of the templates of packages, each named as `PACKAGE/FILE`.

    Text is escaped, and cleaned of controls and of marks that turn the direction of what stands beside them. A name
    that a template asks for and does not get raises UndefinedError; None in place of text raises TypeError.

    Args:
        packages: full names; the templates of each are in its folder `templates`.
    """
    jinja = Environment(
        loader=PrefixLoader({package: PackageLoader(package) for package in packages}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        extensions=[_Layout],
        auto_reload=False,
    )
    jinja.filters |= _FILTERS
    jinja.globals |= {"style": own_html(STYLE), "script": own_html(SCRIPT), "refresh_s": REFRESH_S}
    return jinja


def own_html(constant: str) -> Markup:
    """Return a constant of ours as HTML that is not escaped: a style sheet, a script; never a name that others gave."""
    return Markup(constant)  # noqa: S704


def _shown(value: object) -> object:
    """Return HTML as it is, and anything else as text that can be shown."""
    if isinstance(value, Markup):
        return value
    if value is None:
        raise TypeError("a template shows None; let it ask first")
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in _JOINERS_AND_SPACES else "\ufffd" for character in text
    )


def _date(moment_us: int, zone: ZoneInfo) -> str:
    return wording.date_words(local(moment_us, zone))


def _percent(share: float) -> str:
    """Return a share, 0 to 1, as a length in SVG, such as `12.5%`."""
    return f"{100 * share:.3f}".rstrip("0").rstrip(".") + "%"


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "clock": wording.clock,
    "counted": counted,
    "date": _date,
    "date_and_clock": wording.date_and_clock,
    "duration": wording.duration,
    "pause": wording.pause,
    "percent": _percent,
    "seconds": wording.seconds,
    "share": wording.percentage,
}
