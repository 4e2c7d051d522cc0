"""Which ledgers there are, as settings, a variable or an option name them: one by its URL, or several by name."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from raypp.errors import OptionError
from raypp.io.settings_file import read_settings_file

ONLY = "ledger"
"""Name of a ledger that is named by its URL alone."""
MOST = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_REMEDY = "give `ledgers`, such as {north: postgresql+psycopg://raypp@db1.example/ledger, south: ...}"


@dataclass(frozen=True)
class LedgerList:
    """Ledgers by name. The first is home of the operators' tokens.

    Attributes:
        urls: URL by name, in order.
    """

    urls: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what names ledgers: a URL, a settings file `.yaml` with `ledgers`, or a JSON object of URLs by name.

        Raises:
            OptionError: naming what is wrong with it.
        """
        if text.lstrip().startswith("{"):
            try:
                return cls.of(json.loads(text), "the ledgers")
            except json.JSONDecodeError as error:
                raise OptionError(f"the ledgers are no JSON object ({error.msg}); {_REMEDY}") from None
        if "://" not in text and text.endswith((".yaml", ".yml")):
            return cls._load(Path(text))
        return cls({ONLY: text})

    @classmethod
    def _load(cls, path: Path) -> Self:
        document: Any = read_settings_file(path, "settings", _REMEDY)
        if not isinstance(document, dict) or "ledgers" not in document:
            raise OptionError(f"settings {path} has no `ledgers`; {_REMEDY}")
        return cls.of(document["ledgers"], f"settings {path}, ledgers", document.get("home_ledger"))

    @classmethod
    def of(cls, urls: object, where: str, home: object = None) -> Self:
        """Check URLs by name.

        Args:
            urls: what should map names to URLs.
            where: they stand, for messages.
            home: name of the one with the operators' tokens; None: the first.

        Raises:
            OptionError: naming what is wrong.
        """
        if not isinstance(urls, dict) or not urls:
            raise OptionError(f"{where}: must map names to URLs; {_REMEDY}")
        if len(urls) > MOST:
            raise OptionError(f"{where}: {len(urls)} are named, at most {MOST}; move sites together and drop some")
        for name, url in urls.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise OptionError(
                    f"{where}: name {str(name)[:70]!r}: use letters, digits, '.', '_' and '-', at most 63"
                )
            if not isinstance(url, str) or "://" not in url:
                raise OptionError(f"{where}: {name} needs a URL, sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME")
        by_url: dict[str, str] = {}
        for name, url in urls.items():
            if url in by_url:
                raise OptionError(f"{where}: {by_url[url]} and {name} are the same ledger; name it once")
            by_url[url] = name
        if home is not None and home not in urls:
            raise OptionError(
                f"{where}: none is named {str(home)[:70]!r}, as home_ledger; name one of {', '.join(urls)}"
            )
        return cls(urls if home is None else {str(home): urls[home], **urls})

    def text(self) -> str:
        """Return what `parse` reads this from: the URL of one alone, or a JSON object; passwords included."""
        if list(self.urls) == [ONLY]:
            return self.urls[ONLY]
        return json.dumps(dict(self.urls))
