"""The models of a veil that a service is to run, as the registry in its home ledger has them; blocks."""

import os
from pathlib import Path
from typing import NamedTuple

from raypp.errors import LedgerError, ModelError
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.model_agreement import Agreement, AgreementBook
from raypp.ledger.model_registry import ModelRegistry
from raypp.ledger.model_values import LIVE, SHADOW
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


class ModelsToRun(NamedTuple):
    """Name the model of a veil that counts, and the shadow that runs beside it; None where there is none."""

    live: LiveModel | None
    shadow: LiveModel | None


class LiveModelSource:
    """Says which models of a veil are to run. The ledger is opened when first needed; used by one thread at a time.

    Args:
        veil_id: the veil.
        home: URL of the home ledger; None: the variable RAYPP_LEDGER names it.
    """

    def __init__(self, veil_id: str, home: str | None) -> None:
        self.veil_id = veil_id
        self._home = home
        self._ledger: Ledger | None = None
        self._registry: ModelRegistry | None = None

    def read(self) -> ModelsToRun:
        """Return the models to run.

        Raises:
            LedgerError, OptionError: if the ledger is not named, or cannot be read just now.
        """
        if self._registry is None:
            self._registry = ModelRegistry(self._home_ledger())
        models = self._registry.aliased(self.veil_id, LIVE, SHADOW)
        live, shadow = (
            None if model is None else LiveModel(model.model_id, Path(model.file), model.label)
            for model in map(models.get, (LIVE, SHADOW))
        )
        return ModelsToRun(live, None if shadow == live else shadow)

    def add_agreement(self, shadow_id: str, live_id: str, agreement: Agreement) -> None:
        """Keep how far the model beside the live one agreed with it; raises LedgerError."""
        AgreementBook(self._home_ledger()).add(self.veil_id, shadow_id, live_id, agreement)

    def _home_ledger(self) -> Ledger:
        if self._ledger is None:
            named = self._home or os.environ.get(LEDGER_VARIABLE)
            if not named:
                raise LedgerError(f"no ledger is named where a detector runs; set {LEDGER_VARIABLE} on every node")
            self._ledger = Ledger.open(next(iter(LedgerList.parse(named).urls.values())), create=False)
        return self._ledger
