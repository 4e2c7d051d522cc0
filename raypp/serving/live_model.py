"""The live model of a veil, as the registry in the home ledger of a service has it; blocks."""

import os
from pathlib import Path
from typing import NamedTuple

from raypp.errors import LedgerError, ModelError
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.model_registry import ModelRegistry
from raypp.ledger.store import Ledger
from raypp.serving.defaults import LEDGER_VARIABLE


class LiveModel(NamedTuple):
    """The model that a service is to serve for a veil.

    Attributes:
        model_id: SHA-256 of its bundle's file, 64 hex digits.
        file: where its bundle is kept.
        label: name and begin of the id, for messages.
    """

    model_id: str
    file: Path
    label: str

    def require(self, model_id: str) -> None:
        """Raise ModelError unless a bundle that was read from the file is this model."""
        if model_id != self.model_id:
            raise ModelError(f"the bundle of model {self.label} at {self.file} was altered; `raypp model add` its file")


class LiveModelSource:
    """Says which model of a veil is live. The ledger is opened when it is first needed; used by one thread at a time.

    Args:
        veil_id: the veil.
        home: URL of the home ledger; None: the variable RAYPP_LEDGER names it.
    """

    def __init__(self, veil_id: str, home: str | None) -> None:
        self.veil_id = veil_id
        self._home = home
        self._registry: ModelRegistry | None = None

    def read(self) -> LiveModel | None:
        """Return the live model; None where the registry has none for the veil.

        Raises:
            LedgerError, OptionError: if the ledger is not named, or cannot be read just now.
        """
        if self._registry is None:
            named = self._home or os.environ.get(LEDGER_VARIABLE)
            if not named:
                raise LedgerError(f"no ledger is named where a detector runs; set {LEDGER_VARIABLE} on every node")
            home = next(iter(LedgerList.parse(named).urls.values()))
            self._registry = ModelRegistry(Ledger.open(home, create=False))
        model = self._registry.live([self.veil_id]).get(self.veil_id)
        return None if model is None else LiveModel(model.model_id, Path(model.file), model.label)
