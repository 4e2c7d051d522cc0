"""Licence and source of what serves a page: what AGPL-3.0, section 13, has to be told to those who use it."""

from importlib.metadata import distribution
from pathlib import Path

import raypp
from raypp.errors import RayppError
from raypp.web.html import Html, element
from raypp.web.layout import document

LICENCE = "AGPL-3.0-or-later"
_URL_LABELS = ("source", "repository")


def licence_text() -> str:
    """The licence's whole text, as this installation has it; raises RayppError where it lacks it."""
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
    """Where the source of raypp is, as its own package says; None where it does not."""
    named = (one.partition(",") for one in distribution("raypp").metadata.get_all("Project-URL") or ())
    return next((url.strip() for label, _, url in named if label.strip().lower() in _URL_LABELS), None)


def source_page(source_url: str | None) -> str:
    """Say where the source of this service is."""
    if source_url:
        where = element(
            "p", "The source of this service: ", element("a", source_url, href=source_url, rel="noreferrer")
        )
    else:
        where = element(
            "p", "Whoever runs this service has not named where its source is (source_url). Ask them for it."
        )
    words = element(
        "p", f"raypp {raypp.__version__} is free software under {LICENCE}, whose section 13 gives you a right to it."
    )
    card: Html = element("div", where, words, class_="card")
    heading = element("div", element("h1", "Source"), class_="top")
    return document("Source · raypp", [("Sites", "/"), ("Source", "/source")], heading, card, refresh=False)
