"""Licence and source of what serves a page: what AGPL-3.0, section 13, has to be told to those who use it."""

from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import ClassVar

import raypp
from raypp.errors import RayppError
from raypp.web.values import SITES, Crumb, Page

LICENCE = "AGPL-3.0-or-later"
_URL_LABELS = ("source", "repository")


@dataclass(frozen=True, slots=True)
class SourcePage(Page):
    """Where the source of this service is, if whoever runs it has said so, and of which version and licence it is."""

    template: ClassVar[str] = "raypp.web/source.html"
    refreshes: ClassVar[bool] = False
    source_url: str
    version: str
    licence: str


def licence_text() -> str:
    """Return the licence's whole text, as this installation has it; raises RayppError where it lacks it."""
    installed = distribution("raypp").read_text("licenses/LICENSE")
    if installed:
        return installed
    try:
        return (Path(raypp.__file__).parents[1] / "LICENSE").read_text()  # a working tree
    except OSError as error:
        raise RayppError(
            f"the licence's text is not in this installation ({error.strerror}); install raypp anew"
        ) from None


def project_source() -> str | None:
    """Return where the source of raypp is, as its own package says; None where it does not."""
    named = (url.partition(",") for url in distribution("raypp").metadata.get_all("Project-URL") or ())
    return next((url.strip() for label, _, url in named if label.strip().lower() in _URL_LABELS), None)


def source_page(source_url: str | None) -> SourcePage:
    """Say where the source of this service is."""
    crumbs = (SITES, Crumb("Source", "/source"))
    return SourcePage("Source · raypp", crumbs, source_url or "", raypp.__version__, LICENCE)
