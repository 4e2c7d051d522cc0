"""The registry of models in a ledger: which model of each veil may be served, is live, and was live before."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, insert, select, update

from raypp.errors import ConflictError, OptionError
from raypp.ledger.chosen_model import chosen_model
from raypp.ledger.model_rows import EVALUATIONS, has_registry, model_of_row, read_models
from raypp.ledger.model_tables import AliasRow, DeploymentRow, RegisteredModelRow, VeilCertificateRow
from raypp.ledger.model_values import (
    CANDIDATE,
    LIVE,
    PREVIOUS,
    SHADOW,
    Deployment,
    DeploymentAction,
    GateOutcome,
    RegisteredModel,
    VeilCertificate,
)
from raypp.ledger.statements import put, write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.types import COMMAND_LINE, checked_name

_GATES = TypeAdapter(tuple[GateOutcome, ...])


class ModelRegistry:
    """The registry of one ledger; of several ledgers, that of the operators' home.

    Every method is one transaction. A ledger of an older schema that is only read has no model.

    Args:
        ledger: an open one.
        who: for the audit log.
    """

    def __init__(self, ledger: Ledger, who: str = COMMAND_LINE) -> None:
        self._ledger = ledger
        self._who = who
        self._is_there = False

    def models(self, veil_id: str | None = None) -> tuple[RegisteredModel, ...]:
        """All models, or those of a veil, by veil and when they were added."""
        with self._ledger.database.read() as connection:
            return read_models(connection, veil_id)

    def model(self, reference: str, veil_id: str | None = None) -> RegisteredModel:
        """Return a model by its name, an alias, or 6 digits or more of its model_id.

        Args:
            reference: which one.
            veil_id: its veil; None where the reference says enough.

        Raises:
            OptionError: if there is none, it is of another veil, or there are several.
        """
        return chosen_model(self.models(), reference, veil_id)

    def aliased(self, veil_id: str, *aliases: str) -> dict[str, RegisteredModel]:
        """Return what some aliases of a veil stand for, of those that do; services ask every second, by one query."""
        with self._ledger.database.read() as connection:
            self._is_there = self._is_there or has_registry(connection)
            if not self._is_there:
                return {}
            standing = (AliasRow.veil_id == veil_id, AliasRow.alias.in_(aliases))
            query = select(*RegisteredModelRow.__table__.columns, AliasRow.alias).where(*standing)
            rows = connection.execute(query.join(AliasRow, RegisteredModelRow.model_id == AliasRow.model_id))
            return {row.alias: model_of_row(row, (row.alias,)) for row in rows}

    def certificate(self, veil_id: str) -> VeilCertificate | None:
        """Return what is kept of a veil's certificate."""
        columns = VeilCertificateRow.__table__.columns
        with self._ledger.database.read() as connection:
            query = select(*columns).where(VeilCertificateRow.veil_id == veil_id)
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else VeilCertificate(**{**row, "verdicts": json.loads(row["verdicts"])})

    def add(self, model: RegisteredModel) -> RegisteredModel:
        """Register a model, and return it as it stands; one that is there gains evaluations, and is not retired.

        Args:
            model: the model; `aliases` and times count for nothing.

        Raises:
            ConflictError: if another model has its name.
        """
        checked_name(model.name, "model")
        now_us = self._ledger.clock()
        with self._ledger.database.write() as connection:
            held = _hold_veil(connection, model.veil_id)
            known = next((each for each in held if each.model_id == model.model_id), None)
            name = RegisteredModelRow.name == model.name
            taken = connection.execute(select(RegisteredModelRow.model_id).where(name)).scalar_one_or_none()
            if taken not in {None, model.model_id}:
                raise ConflictError(f"model {taken[:12] if taken else ''} is named {model.name}; choose another name")
            fresh = model.evaluations
            older = known.evaluations if known else ()
            kept = [each for each in older if not any(each.is_on_frames_of(newer) for newer in fresh)]
            values = {
                "name": model.name,
                "file": model.file,
                "evaluations": EVALUATIONS.dump_json((*kept, *fresh)).decode(),
                "retired_us": None,
            }
            if known is None:
                row = {"model_id": model.model_id, "veil_id": model.veil_id, "added_us": now_us, **values}
                connection.execute(insert(RegisteredModelRow), [row | {"document": model.facts.model_dump_json()}])
            else:
                which = RegisteredModelRow.model_id == model.model_id
                connection.execute(update(RegisteredModelRow).where(which).values(**values))
            self._note(connection, now_us, "model add", model, f"with {len(fresh)} evaluations")
            (stands,) = (each for each in read_models(connection, model.veil_id) if each.model_id == model.model_id)
            return stands

    def keep_certificate(self, certificate: VeilCertificate) -> None:
        """Keep a veil's certificate in place of an older one."""
        now_us = self._ledger.clock()
        row = {**certificate.model_dump(), "verdicts": json.dumps(certificate.verdicts), "added_us": now_us}
        with self._ledger.database.write() as connection:
            put(connection, VeilCertificateRow, [row], tuple(set(row) - {"veil_id"}))
            detail = f"SHA-256 {certificate.sha256[:12]}, signed by {certificate.signed_by}"
            write_audit(connection, now_us, self._who, "model certificate", f"veil {certificate.veil_id}", detail)

    def set_alias(self, alias: str, model: RegisteredModel) -> None:
        """Let an alias of a model's veil stand for the model.

        Raises:
            OptionError: for `live` and `previous`, which promotions and rollbacks set, and a malformed name.
            ConflictError: if the model is retired, or could not run as a shadow.
        """
        _refuse_reserved(checked_name(alias, "alias"))
        now_us = self._ledger.clock()
        with self._ledger.database.write() as connection:
            _refuse_retired(_held(connection, model))
            if alias == SHADOW:
                _refuse_unlike_live(connection, model)
            _point(connection, alias, model, now_us)
            self._note(connection, now_us, "model alias", model, alias)

    def drop_alias(self, alias: str, model: RegisteredModel) -> None:
        """Take an alias away from a model; raises OptionError where it does not stand for it, or is reserved."""
        _refuse_reserved(alias)
        now_us = self._ledger.clock()
        with self._ledger.database.write() as connection:
            if alias not in _held(connection, model).aliases:
                raise OptionError(f"alias {alias} does not stand for model {model.label}; see `raypp model list`")
            _unpoint(connection, alias, model.veil_id)
            self._note(connection, now_us, "model alias", model, f"no longer {alias}")

    def promote(
        self,
        model: RegisteredModel,
        live: RegisteredModel | None,
        gates: Sequence[GateOutcome],
        override: str | None,
    ) -> None:
        """Make a model the live one of its veil; what was live becomes the previous one.

        Args:
            model: the model.
            live: what it was judged against; None: nothing.
            gates: outcomes of its gates.
            override: why gates that are missing do not count.

        Raises:
            ConflictError: if it is live or retired, a gate is missing without `override`, or another model has become
                live meanwhile.
        """
        if override is None and not all(gate.passed for gate in gates):
            raise ConflictError(f"model {model.label} misses a gate; give a reason as `override` to promote it still")
        now_us = self._ledger.clock()
        with self._ledger.database.write() as connection:
            standing = _held(connection, model)
            _refuse_retired(standing)
            present = _aliased(connection, model.veil_id, LIVE)
            if present == model.model_id:
                raise ConflictError(f"model {model.label} is live already; there is nothing to promote")
            if present != (live and live.model_id):
                raise ConflictError(f"another model of veil {model.veil_id} became live meanwhile; look, and try again")
            _point(connection, LIVE, model, now_us)
            _unpoint(connection, PREVIOUS, model.veil_id)
            if live is not None:
                _point(connection, PREVIOUS, live, now_us)
            for alias in {CANDIDATE, SHADOW} & set(standing.aliases):
                _unpoint(connection, alias, model.veil_id)
            done = Deployment(
                *(now_us, model.veil_id, DeploymentAction.PROMOTE, model.model_id, present, self._who),
                gates=tuple(gates),
                override=override,
            )
            _write_deployment(connection, done)
            why = f", override: {override}" if override else ""
            self._note(connection, now_us, "model promote", model, f"in place of {(present or 'none')[:12]}{why}")

    def rollback(self, veil_id: str) -> tuple[RegisteredModel, RegisteredModel]:
        """Make the previous model of a veil live again; return it, and the one that was live until now.

        There is no previous one then, so that a second rollback does not bring back what was rolled back.

        Raises:
            ConflictError: if there is no previous model.
        """
        now_us = self._ledger.clock()
        with self._ledger.database.write() as connection:
            models = {alias: model for model in _hold_veil(connection, veil_id) for alias in model.aliases}
            if PREVIOUS not in models or LIVE not in models:
                raise ConflictError(f"veil {veil_id} has no previous model to roll back to; promote one")
            back, former = models[PREVIOUS], models[LIVE]
            _point(connection, LIVE, back, now_us)
            _unpoint(connection, PREVIOUS, veil_id)
            done = Deployment(
                *(now_us, veil_id, DeploymentAction.ROLLBACK, back.model_id, former.model_id, self._who),
                gates=(),
                override=None,
            )
            _write_deployment(connection, done)
            self._note(connection, now_us, "model rollback", back, f"in place of {former.model_id[:12]}")
            return back, former

    def retire(self, model: RegisteredModel) -> None:
        """Let a model be served no more; its row stays. Raises ConflictError while an alias stands for it."""
        now_us = self._ledger.clock()
        with self._ledger.database.write() as connection:
            if aliases := _held(connection, model).aliases:
                raise ConflictError(
                    f"model {model.label} is {', '.join(aliases)}; it can be retired once no alias stands for it"
                )
            which = RegisteredModelRow.model_id == model.model_id
            connection.execute(update(RegisteredModelRow).where(which).values(retired_us=now_us))
            self._note(connection, now_us, "model retire", model, "")

    def deployments(self, veil_id: str | None = None, limit: int = 100) -> tuple[Deployment, ...]:
        """The latest promotions and rollbacks, oldest first."""
        query = select(*DeploymentRow.__table__.columns).order_by(DeploymentRow.deployment_id.desc())
        if veil_id is not None:
            query = query.where(DeploymentRow.veil_id == veil_id)
        with self._ledger.database.read() as connection:
            rows = connection.execute(query.limit(limit)).all() if has_registry(connection) else []
        return tuple(
            Deployment(
                at_us=row.at_us,
                veil_id=row.veil_id,
                action=DeploymentAction(row.action),
                model_id=row.model_id,
                former_id=row.former_id,
                who=row.who,
                gates=_GATES.validate_json(row.gates),
                override=row.override,
            )
            for row in reversed(rows)
        )

    def _note(self, connection: Connection, at_us: int, action: str, model: RegisteredModel, detail: str) -> None:
        write_audit(connection, at_us, self._who, action, f"{model.name} {model.model_id}", detail)


def _hold_veil(connection: Connection, veil_id: str) -> tuple[RegisteredModel, ...]:
    """Hold the models of a veil, so that changes of its aliases have one order; return them."""
    of_veil = select(RegisteredModelRow.model_id).where(RegisteredModelRow.veil_id == veil_id)
    connection.execute(of_veil.order_by(RegisteredModelRow.model_id).with_for_update()).all()
    return read_models(connection, veil_id)


def _held(connection: Connection, model: RegisteredModel) -> RegisteredModel:
    """Hold the models of a model's veil, and return the model as it stands."""
    return next(each for each in _hold_veil(connection, model.veil_id) if each.model_id == model.model_id)


def _aliased(connection: Connection, veil_id: str, alias: str) -> str | None:
    query = select(AliasRow.model_id).where(AliasRow.veil_id == veil_id, AliasRow.alias == alias)
    return connection.execute(query).scalar_one_or_none()


def _refuse_unlike_live(connection: Connection, model: RegisteredModel) -> None:
    """Refuse a shadow that no service could run: it stands beside a live model of its size and classes."""
    live_id = _aliased(connection, model.veil_id, LIVE)
    live = next((each for each in read_models(connection, model.veil_id) if each.model_id == live_id), None)
    if live is None:
        raise ConflictError(f"veil {model.veil_id} has no live model to run beside; promote one first")
    if live.model_id == model.model_id:
        raise ConflictError(f"model {model.label} is live; another one can run beside it")
    if unfit := model.facts.may_replace(live.facts):
        raise ConflictError(f"model {model.label} cannot run beside the live one: {unfit}")


def _point(connection: Connection, alias: str, model: RegisteredModel, now_us: int) -> None:
    row: Mapping[str, Any] = {
        "veil_id": model.veil_id,
        "alias": alias,
        "model_id": model.model_id,
        "set_us": now_us,
    }
    put(connection, AliasRow, [dict(row)], ("model_id", "set_us"))


def _unpoint(connection: Connection, alias: str, veil_id: str) -> None:
    connection.execute(delete(AliasRow).where(AliasRow.veil_id == veil_id, AliasRow.alias == alias))


def _write_deployment(connection: Connection, done: Deployment) -> None:
    row = {
        "at_us": done.at_us,
        "veil_id": done.veil_id,
        "action": str(done.action),
        "model_id": done.model_id,
        "former_id": done.former_id,
        "who": done.who[:200],
        "gates": _GATES.dump_json(done.gates).decode(),
        "override": done.override,
    }
    connection.execute(insert(DeploymentRow), [row])


def _refuse_reserved(alias: str) -> None:
    if alias in {LIVE, PREVIOUS}:
        raise OptionError(
            f"alias {alias} is set by `raypp model promote` and `raypp model rollback` alone; choose another"
        )


def _refuse_retired(model: RegisteredModel) -> None:
    if model.retired_us is not None:
        raise ConflictError(f"model {model.label} is retired; `raypp model add` of its bundle brings it back")
