"""How far a model that runs beside the live one detects the same as it: counts, and nothing of any frame."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import Connection, inspect, select

from raypp.ledger.model_tables import AgreementRow
from raypp.ledger.statements import put
from raypp.ledger.store import Ledger


class ClassAgreement(BaseModel):
    """Detections of one class: by both models at the same place (IoU of 0.5 or more), or by one of them alone."""

    model_config = ConfigDict(frozen=True)

    both: int = Field(0, ge=0)
    live_alone: int = Field(0, ge=0)
    shadow_alone: int = Field(0, ge=0)

    @property
    def share(self) -> float | None:
        """Share of all objects that both detected, in [0, 1]; None where there were none."""
        objects = self.both + self.live_alone + self.shadow_alone
        return self.both / objects if objects else None

    def __add__(self, other: Self) -> Self:
        """Return the counts of both together."""
        names = type(self).model_fields
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Agreement(BaseModel):
    """Agreement of two models over some frames.

    Attributes:
        frames: that both detected on.
        alike: frames on which each detection of one has its like of the other.
        passed_over: frames that only the live one detected on: the other may take a share of its time.
        classes: by the name of the class.
    """

    model_config = ConfigDict(frozen=True)

    frames: int = Field(0, ge=0)
    alike: int = Field(0, ge=0)
    passed_over: int = Field(0, ge=0)
    classes: Mapping[str, ClassAgreement] = {}

    @property
    def total(self) -> ClassAgreement:
        """Counts of all classes together."""
        return sum(self.classes.values(), ClassAgreement())

    def __add__(self, other: Self) -> Self:
        """Return the agreement over the frames of both."""
        nothing = ClassAgreement()
        names = dict.fromkeys((*self.classes, *other.classes))
        return type(self)(
            frames=self.frames + other.frames,
            alike=self.alike + other.alike,
            passed_over=self.passed_over + other.passed_over,
            classes={name: self.classes.get(name, nothing) + other.classes.get(name, nothing) for name in names},
        )


class KeptAgreement(BaseModel):
    """Counts of two models of a veil, as a ledger keeps them; times are processing time, microseconds since 1970."""

    model_config = ConfigDict(frozen=True)

    veil_id: str
    shadow_id: str
    live_id: str
    agreement: Agreement
    first_us: int
    last_us: int


_AGREEMENT = TypeAdapter(Agreement)


class AgreementBook:
    """The agreements that a ledger keeps; every method is one transaction.

    Args:
        ledger: an open one.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add(self, veil_id: str, shadow_id: str, live_id: str, agreement: Agreement) -> None:
        """Add counts to what is kept of two models; replicas that add at the same time lose nothing."""
        now_us = self._ledger.clock()
        key = {"shadow_id": shadow_id, "live_id": live_id}
        nothing = Agreement().model_dump_json()
        begun = {**key, "veil_id": veil_id, "document": nothing, "first_us": now_us, "last_us": now_us}
        with self._ledger.database.write() as connection:
            put(connection, AgreementRow, [begun])
            kept = _read(connection, AgreementRow.shadow_id == shadow_id, AgreementRow.live_id == live_id, hold=True)
            first_us, document = kept[0].first_us, (kept[0].agreement + agreement).model_dump_json()
            row = {**begun, "document": document, "first_us": first_us}
            put(connection, AgreementRow, [row], ("document", "last_us"))

    def kept(self, veil_id: str | None = None) -> tuple[KeptAgreement, ...]:
        """Return what is kept, of all veils or one, the latest last; nothing of a ledger of an older schema."""
        with self._ledger.database.read() as connection:
            if not inspect(connection).has_table(AgreementRow.__tablename__):
                return ()
            return _read(connection, *([] if veil_id is None else [AgreementRow.veil_id == veil_id]))


def _read(connection: Connection, *conditions: object, hold: bool = False) -> tuple[KeptAgreement, ...]:
    query = select(*AgreementRow.__table__.columns).where(*conditions)  # type: ignore[arg-type]
    query = query.order_by(AgreementRow.last_us, AgreementRow.shadow_id, AgreementRow.live_id)
    rows = connection.execute(query.with_for_update() if hold else query)
    return tuple(
        KeptAgreement(
            veil_id=row.veil_id,
            shadow_id=row.shadow_id,
            live_id=row.live_id,
            agreement=_AGREEMENT.validate_json(row.document),
            first_us=row.first_us,
            last_us=row.last_us,
        )
        for row in rows
    )
