"""Licences of all locked packages: listed, and judged by whether AGPL-3.0 code may use them.

`python -m tools.licences FOLDER` writes them into the CycloneDX lists of the folder, and as a table into `licences.md`.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import yaml
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).parents[1]
_ALLOWED = Path(__file__).parent / "allowed" / "licences.yaml"
IMAGES = {"edge": "requirements-core.txt", "ml": "requirements-ml.txt", "owner": "requirements-owner.txt"}
"""Lock files of images."""
_LOCK = "requirements.txt"
_LISTS = {"raypp-core.cdx.json", "raypp-ml.cdx.json", "raypp-owner.cdx.json", "raypp.cdx.json"}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Package:
    """A locked package.

    Attributes:
        name, version: as locked.
        licence: SPDX expression; `unknown` where its metadata name none that is known.
        images: which images have it.
    """

    name: str
    version: str
    licence: str
    images: tuple[str, ...]


@cache
def rules() -> dict[str, Any]:
    """Read which licences may be combined, and what is known of packages besides their metadata."""
    held: dict[str, Any] = yaml.safe_load(_ALLOWED.read_text())
    return held


def pins(lock: str) -> dict[str, str]:
    """Return the versions of a lock file's packages, by their canonical names."""
    return {canonicalize_name(name): version for name, version in _PIN.findall((_ROOT / lock).read_text())}


def packages() -> list[Package]:
    """Return all locked packages, by the metadata of those that are installed here."""
    images = {image: pins(lock) for image, lock in IMAGES.items()}
    return [
        Package(name, version, licence_of(name), tuple(image for image, held in images.items() if name in held))
        for name, version in sorted(pins(_LOCK).items())
    ]


def licence_of(name: str) -> str:
    """Return the SPDX expression of an installed package: its own, or by the words of its metadata."""
    known = rules()["packages"].get(name)
    if known is not None:
        return str(known)
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return _UNKNOWN
    classifiers = [line for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
    words = [word.strip() for field in ("License-Expression", "License") for word in told.get_all(field) or []]
    words += [line.split(" :: ")[-1] for line in classifiers]
    return next((expression for word in words if (expression := _spdx(word))), _UNKNOWN)


def _spdx(words: str) -> str | None:
    try:
        return str(canonicalize_license_expression(rules()["words"].get(words, words)))
    except InvalidLicenseExpression:
        return None


def may_be_combined(expression: str) -> bool:
    """Say whether one of an expression's alternatives has only licences that AGPL-3.0 can be combined with."""
    alternatives = [expression] if "(" in expression else expression.split(" OR ")
    return any(_parts(alternative) <= set(rules()["combinable"]) for alternative in alternatives)


def _parts(expression: str) -> set[str]:
    return set(re.split(r" AND | OR ", expression.replace("(", "").replace(")", "")))


def faults(listed: list[Package]) -> Iterator[str]:
    """Yield each package that has no licence that may be combined, and each entry of the rules without need."""
    apart = {name: entry["where"] for entry in rules()["apart"] for name in entry["packages"]}
    for package in listed:
        title = f"{package.name} {package.version}: {package.licence}"
        where = apart.pop(package.name, None)
        if may_be_combined(package.licence):
            if where:
                yield f"{title} may be combined; take it out of `apart`"
        elif where is None:
            yield f"{title} cannot be combined with AGPL-3.0; do without it, or say in {_ALLOWED.name} why it may stay"
        elif where == "tests" and package.images:
            yield f"{title} may be used by tests, and is in an image: {', '.join(package.images)}"
    names = {package.name for package in listed}
    yield from (f"{name}: `apart` names it, and no lock has it" for name in apart)
    yield from (f"{name}: `packages` names it, and no lock has it" for name in rules()["packages"] if name not in names)


def table(listed: list[Package]) -> str:
    """Format the packages as a table of Markdown, and below it why some are kept apart."""
    lines = ["| package | version | licence | images |", "| --- | --- | --- | --- |"]
    lines += [f"| {held.name} | {held.version} | {held.licence} | {', '.join(held.images)} |" for held in listed]
    lines += ["", "Kept apart, since AGPL-3.0 cannot be combined with their licence:", ""]
    lines += [f"* {', '.join(entry['packages'])} ({entry['where']}): {entry['why']}." for entry in rules()["apart"]]
    return "\n".join(lines) + "\n"


def _write_into(path: Path, licences: dict[str, str]) -> None:
    """Give each component of a CycloneDX list its licence."""
    document = json.loads(path.read_text())
    for component in document["components"]:
        licence = licences.get(canonicalize_name(component["name"]))
        if licence:
            component["licenses"] = [{"expression": licence}]
    path.write_text(json.dumps(document, indent=2) + "\n")


def main(folder: Path) -> int:
    """Write the licences; returns the exit code: 1 where there is a fault."""
    listed = packages()
    for name in _LISTS:
        _write_into(folder / name, {package.name: package.licence for package in listed})
    (folder / "licences.md").write_text(table(listed))
    lines = list(faults(listed))
    apart = sum(not may_be_combined(package.licence) for package in listed)
    print("\n".join(lines) or f"{len(listed)} packages; {len(listed) - apart} may be combined, {apart} are kept apart")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
