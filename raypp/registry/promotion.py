"""A model made live, by what is known of it and of the sites that it would serve."""

from collections.abc import Callable
from dataclasses import dataclass

from raypp.errors import ConflictError, ModelError, OptionError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.model_registry import ModelRegistry
from raypp.ledger.model_values import LIVE, PREVIOUS, GateOutcome, RegisteredModel
from raypp.ledger.veil_sites import settings_under
from raypp.registry.bundle_folder import kept_bundle
from raypp.registry.promotion_gates import TOLERANCE, judge_promotion


@dataclass(frozen=True)
class PromotionRequest:
    """A wish to make a model live.

    Attributes:
        model: the model.
        dataset: name of the dataset that decides, LABELS/SPLIT; None: all that both models were evaluated on.
        tolerance: mAP50 that may be lost, in [0, 1].
        override: why gates that are missing do not count; None: they do.
    """

    model: RegisteredModel
    dataset: str | None = None
    tolerance: float = TOLERANCE
    override: str | None = None


def promote_model(
    ledgers: Ledgers, registry: ModelRegistry, request: PromotionRequest, say: Callable[[GateOutcome], None]
) -> tuple[GateOutcome, ...]:
    """Judge a model and make it live; return the outcomes of its gates.

    Args:
        ledgers: whose sites are looked at.
        registry: of their home.
        request: what is wished.
        say: is told each outcome before anything is written.

    Raises:
        OptionError: if the tolerance is out of range, or the reason empty.
        ModelError: if the model's bundle is not where it is kept, or was altered.
        ConflictError: if a gate is missing and there is no reason to override it, or the model is live or retired.
    """
    model, override = request.model, request.override
    if not 0 <= request.tolerance <= 1:
        raise OptionError(f"`tolerance` {request.tolerance:g} must lie between 0 and 1")
    if override is not None and not override.strip():
        raise OptionError("`override` needs a reason, which is written down")
    live = registry.aliased(model.veil_id, LIVE).get(LIVE)
    if live is not None and live.model_id == model.model_id:
        raise ConflictError(f"model {model.label} is live already; there is nothing to promote")
    kept_bundle(model)
    unfit = model.facts.may_replace(live.facts) if live else None
    gates = judge_promotion(
        model,
        live,
        registry.certificate(model.veil_id),
        settings_under(ledgers, model.veil_id),
        dataset=request.dataset,
        tolerance=request.tolerance,
    )
    for gate in gates:
        say(gate)
    if unfit:  # a service could not take it in place of the live one, whatever the reason
        raise ModelError(
            f"model {model.label} cannot take the live one's place: {unfit}; serve it as a veil of its own"
        )
    missing = [gate for gate in gates if not gate.passed]
    if missing and override is None:
        names = ", ".join(dict.fromkeys(gate.gate for gate in missing))
        raise ConflictError(f"model {model.label} is not promoted: {names} missing; `override` takes a reason")
    registry.promote(model, live, gates, override if missing else None)
    return gates


def roll_back(registry: ModelRegistry, veil_id: str) -> tuple[RegisteredModel, RegisteredModel]:
    """Make the previous model of a veil live again; return it, and the one that was live until now.

    Raises:
        ConflictError: if there is no previous model.
        ModelError: if its bundle is not where it is kept, or was altered.
    """
    for model in registry.models(veil_id):
        if PREVIOUS in model.aliases:
            kept_bundle(model)
    return registry.rollback(veil_id)
