"""The frame that every page stands in."""

from collections.abc import Sequence

from raypp.web.html import Html, element, join
from raypp.web.lanes import hatching
from raypp.web.style import REFRESH_S, SCRIPT, STYLE

_MARK = join(
    Html('<svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">'),
    Html('<rect class="use c0" x="2" y="3" width="11" height="4" rx="1"/>'),
    Html('<rect class="use c1" x="8" y="9" width="12" height="4" rx="1"/>'),
    Html('<rect class="use c2" x="4" y="15" width="8" height="4" rx="1"/></svg>'),
)

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 22 22">'
    '<rect x="1" y="2" width="12" height="5" rx="1" fill="#3b6fd4"/>'
    '<rect x="8" y="9" width="13" height="5" rx="1" fill="#d9772b"/>'
    '<rect x="3" y="16" width="9" height="5" rx="1" fill="#178a7d"/></svg>'
)


def document(title: str, crumbs: Sequence[tuple[str, str]], *content: Html | None, refresh: bool = True) -> str:
    """Return a whole page.

    Args:
        title: of the page.
        crumbs: names and addresses of the pages above it, itself last.
        content: what it shows; replaced when there is news.
        refresh: whether it keeps itself fresh.
    """
    path: list[Html] = []
    for index, (name, address) in enumerate(crumbs):
        path.append(element("span", "/", aria_hidden="true"))
        here = "page" if index == len(crumbs) - 1 else None
        path.append(element("a", name, href=address, aria_current=here))
    live = element("div", element("span", "live"), class_="live", id="live", role="timer") if refresh else None
    reload = element("noscript", element("meta", http_equiv="refresh", content=3 * REFRESH_S)) if refresh else None
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="robots", content="noindex"),
        element("link", rel="icon", href="/favicon.svg", type="image/svg+xml"),
        element("title", title),
        reload,
        element("style", Html(STYLE)),
    )
    body = element(
        "body",
        element("a", "Skip to content", href="#content", class_="skip"),
        element(
            "header",
            element("a", _MARK, "raypp", href="/", class_="brand"),
            element("nav", *path, class_="crumbs", aria_label="Breadcrumb"),
            live,
            class_="bar",
        ),
        hatching(),
        element("main", element("div", *content, id="data"), id="content"),
        element(
            "footer",
            "Times are on the site's clocks. Time that no camera saw is never counted as not used.",
            element("br"),
            "raypp is free software: ",
            element("a", "source", href="/source"),
            ", ",
            element("a", "licence (AGPL-3.0-or-later)", href="/licence"),
        ),
        element("script", Html(SCRIPT)) if refresh else None,
    )
    return "<!doctype html>" + element("html", head, body, lang="en").text


def empty(headline: str, *words: object) -> Html:
    """Say that there is nothing, and what to do."""
    return element("div", element("strong", headline), *words, class_="card empty")
