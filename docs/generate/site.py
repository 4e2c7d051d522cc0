"""Hooks of mkdocs: add generated pages and results to the site, and lead links to where a page stands there."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


sys.path.insert(0, str(_ROOT))  # mkdocs loads this file by its path
from docs.generate import api, commands, exit_codes, models, protos  # noqa: E402

REFERENCES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands.page,
    "reference/exit-codes.md": exit_codes.page,
    "reference/settings.md": models.settings_page,
    "reference/report.md": models.report_page,
    "reference/api.md": api.page,
    "reference/grpc.md": protos.page,
}
"""What makes each page that is generated from the code, by its place on the site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add pages and charts of benchmarks/results under results/, and the references that are made from the code."""
    for place, make in REFERENCES.items():
        files.append(File.generated(config, place, content=make()))
    results = _ROOT / "benchmarks" / "results"
    for pattern in ("*.md", "*.svg"):
        for result in sorted(results.glob(pattern)):
            files.append(File.generated(config, f"results/{result.name}", content=result.read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links that are right in the working tree to the site's pages; what the site does not have becomes text."""
    del config
    site = PurePosixPath(page.file.src_uri)
    tree = PurePosixPath("benchmarks") / site if _is_result(site) else PurePosixPath("docs") / site

    def lead(link: re.Match[str]) -> str:
        target, _, fragment = link["target"].partition("#")
        if not target or "://" in target:
            return link[0]
        meant = PurePosixPath(os.path.normpath(tree.parent / target))
        on_site = _on_site(meant)
        if files.get_file_from_path(on_site) is None:
            return f"{link['text']} (`{meant}`)" if (_ROOT / meant).exists() else link[0]
        there = os.path.relpath(on_site, site.parent)
        return f"{link['image']}[{link['text']}]({there}{'#' if fragment else ''}{fragment})"

    return _LINK.sub(lead, markdown)


def _on_site(meant: PurePosixPath) -> str:
    """Where the site has a file of the tree, if it has it."""
    for folder in ("docs", "benchmarks"):
        if meant.is_relative_to(folder):
            return str(meant.relative_to(folder))
    return ""


def _is_result(site: PurePosixPath) -> bool:
    return (_ROOT / "benchmarks" / site).is_file()
