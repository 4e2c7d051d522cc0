"""Which veils a caller may use: all that are served, or those that the operator has named for its site. Pure."""

from collections.abc import Iterable, Mapping

from raypp.ledger.identity import Principal
from raypp.serving.status import Status, StatusError

EVERY_OTHER = "*"
"""Stands for the sites that are not named; no site has this name."""


class Veils:
    """The veils that are served.

    Args:
        served: their ids.
        of_sites: the only ones that some sites may use, by site. A site that is not named may use those of
            `EVERY_OTHER`, and all where that is not named either.
    """

    def __init__(self, served: Iterable[str], of_sites: Mapping[str, tuple[str, ...]]) -> None:
        self._served = tuple(sorted(served))
        self._of_sites = of_sites

    def open_to(self, principal: Principal) -> tuple[str, ...]:
        """Return what a caller may use."""
        if principal.site is None:
            return self._served
        named = self._of_sites.get(principal.site, self._of_sites.get(EVERY_OTHER, self._served))
        return tuple(veil for veil in self._served if veil in named)

    def only(self, principal: Principal) -> str:
        """Return the only veil that a caller may use.

        Raises:
            RefusedError: INVALID_ARGUMENT where there are several, NOT_FOUND where there is none.
        """
        veils = self.open_to(principal)
        if not veils:
            raise StatusError(Status.NOT_FOUND, f"no veil is served to site {principal.site}; ask the operator")
        if len(veils) > 1:
            raise StatusError(Status.INVALID_ARGUMENT, f"{len(veils)} veils are served; name yours by its veil_id")
        return veils[0]

    def require(self, veil_id: str, principal: Principal, status: Status) -> None:
        """Raise RefusedError unless a caller may use a veil; it names no veil of others."""
        veils = self.open_to(principal)
        if veil_id not in veils:
            what = f"; veil {veils[0]} is" if len(veils) == 1 else ""
            raise StatusError(status, f"veil {veil_id[:40]} is not served here{what}")
