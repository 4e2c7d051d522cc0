"""Pages as HTML."""

from raypp.web.templating import environment
from raypp.web.values import Page

_TEMPLATES = environment("raypp.web")


def render(page: Page) -> str:
    """Return a page as an HTML document, by its template."""
    return _TEMPLATES.get_template(page.template).render(page=page)
