"""Rows of registered models, read as values; on an open connection."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, inspect, select

from raypp.ledger.model_tables import AliasRow, RegisteredModelRow
from raypp.ledger.model_values import BundleFacts, ModelEvaluation, RegisteredModel

EVALUATIONS = TypeAdapter(tuple[ModelEvaluation, ...])


def has_registry(connection: Connection) -> bool:
    """Whether a ledger has a registry: one of an older schema has none."""
    return inspect(connection).has_table(RegisteredModelRow.__tablename__)


def read_models(connection: Connection, veil_id: str | None) -> tuple[RegisteredModel, ...]:
    """Return all models, or those of a veil, by veil and when they were added."""
    if not has_registry(connection):
        return ()
    query, aliases = select(*RegisteredModelRow.__table__.columns), defaultdict(list)
    for row in connection.execute(select(AliasRow.model_id, AliasRow.alias).order_by(AliasRow.alias)):
        aliases[row.model_id].append(row.alias)
    if veil_id is not None:
        query = query.where(RegisteredModelRow.veil_id == veil_id)
    order = (RegisteredModelRow.veil_id, RegisteredModelRow.added_us, RegisteredModelRow.model_id)
    return tuple(model_of_row(row, aliases[row.model_id]) for row in connection.execute(query.order_by(*order)))


def model_of_row(row: Any, aliases: Sequence[str]) -> RegisteredModel:
    """Return the model of a row, with the aliases that stand for it."""
    return RegisteredModel(
        model_id=row.model_id,
        veil_id=row.veil_id,
        name=row.name,
        file=row.file,
        facts=BundleFacts.model_validate_json(row.document),
        evaluations=EVALUATIONS.validate_json(row.evaluations),
        aliases=tuple(aliases),
        added_us=row.added_us,
        retired_us=row.retired_us,
    )
