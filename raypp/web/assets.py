"""Style sheet, script and icon of the pages, and the policy that lets a browser run nothing else."""

import base64
import hashlib
from importlib.resources import files

from raypp.reports.colours import DARK, LIGHT

REFRESH_S = 10
"""How often an open page asks for news."""


def static_file(package: str, name: str) -> str:
    """Return a text file of a package's `static` folder, as it is installed."""
    return (files(package) / "static" / name).read_text(encoding="utf-8")


def _tool_colours() -> str:
    """Each tool's colour as a rule of the style sheet, on light pages and on dark ones."""
    light, dark = (
        "; ".join(f"--tool{number}: {colour}" for number, colour in enumerate(colours)) for colours in (LIGHT, DARK)
    )
    classes = "\n".join(f".c{number} {{ --c: var(--tool{number}) }}" for number in range(len(LIGHT)))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{classes}\n"


def source_digest(text: str) -> str:
    """Return the digest by which a content security policy allows a style or a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


STYLE = static_file("raypp.web", "page.css") + _tool_colours()
SCRIPT = static_file("raypp.web", "refresh.js")
FAVICON = static_file("raypp.web", "favicon.svg")

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {source_digest(STYLE)}",
        f"script-src {source_digest(SCRIPT)}",
        "connect-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""The page may run our style and script, and ask us again; a browser allows it nothing else."""
