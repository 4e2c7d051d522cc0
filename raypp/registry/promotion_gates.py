"""Gates of a promotion: what a model must show before it becomes live. Pure."""

from collections.abc import Iterator, Mapping

from raypp.errors import SettingsError
from raypp.ledger.model_values import GateOutcome, ModelEvaluation, RegisteredModel, VeilCertificate
from raypp.usage.settings import SiteSettings

TOLERANCE = 0.01
"""How much mAP50 a model may lose against the live one, by default."""
_ACCURACY, _CERTIFICATE, _CLASSES, _RULES = "accuracy", "certificate", "classes", "rules"


def judge_promotion(
    model: RegisteredModel,
    live: RegisteredModel | None,
    certificate: VeilCertificate | None,
    settings: Mapping[str, SiteSettings],
    *,
    dataset: str | None = None,
    tolerance: float = TOLERANCE,
) -> tuple[GateOutcome, ...]:
    """Judge whether a model may become live; each gate that is missing says what helps.

    Args:
        model: the model.
        live: the live one of its veil; None: there is none.
        certificate: of the veil.
        settings: in force at the sites that stream under the veil, by site.
        dataset: name of the dataset that decides, LABELS/SPLIT; None: all that both models were evaluated on.
        tolerance: mAP50 that may be lost, in [0, 1].
    """
    return (
        _accuracy(model, live, dataset, tolerance),
        _audited(model, certificate),
        _replaceable(model, live),
        *_ruled(model, settings),
    )


def _accuracy(
    model: RegisteredModel, live: RegisteredModel | None, dataset: str | None, tolerance: float
) -> GateOutcome:
    wanted = [each for each in model.evaluations if dataset in {None, each.dataset}]
    on = f" on {dataset}" if dataset else ""
    if not wanted:
        return _missing(
            _ACCURACY,
            f"model {model.label} has no evaluation{on}; run `raypp evaluate ARCHIVE --model {model.file} --json FILE`"
            ", then `raypp model add BUNDLE --evaluation FILE`",
        )
    if live is None:
        shown = ", ".join(f"mAP50 {each.map50:.3f} on {each.dataset}" for each in wanted)
        return _passed(_ACCURACY, f"{shown}; no model is live to compare it with")
    pairs = [(each, other) for each in wanted for other in live.evaluations if each.is_on_frames_of(other)]
    if not pairs:
        where = ", ".join(dict.fromkeys(each.dataset for each in wanted))
        return _missing(
            _ACCURACY,
            f"the live model {live.label} was not evaluated on the same frames ({where}); run `raypp evaluate` for "
            f"{live.file}, then `raypp model add BUNDLE --evaluation FILE`",
        )
    lines = [_compared(mine, its) for mine, its in pairs]
    worse = [line for line, (mine, its) in zip(lines, pairs, strict=True) if mine.map50 < its.map50 - tolerance]
    if worse:
        return _missing(
            _ACCURACY,
            f"{'; '.join(worse)}: lower by more than {tolerance:g}; train on, or state a `tolerance`",
        )
    return _passed(_ACCURACY, f"{'; '.join(lines)}, within {tolerance:g}")


def _compared(mine: ModelEvaluation, its: ModelEvaluation) -> str:
    return f"mAP50 {mine.map50:.3f} on {mine.dataset}, the live model's {its.map50:.3f}"


def _audited(model: RegisteredModel, certificate: VeilCertificate | None) -> GateOutcome:
    if certificate is None:
        return _missing(
            _CERTIFICATE,
            f"veil {model.veil_id} has no certificate; run `raypp audit`, then "
            "`raypp model add BUNDLE --certificate FILE`",
        )
    verdicts = list(certificate.verdicts.values())
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    return _passed(_CERTIFICATE, f"signed by {certificate.signed_by}; its gates: {counts or 'none'}")


def _replaceable(model: RegisteredModel, live: RegisteredModel | None) -> GateOutcome:
    if live is None:
        return _passed(_CLASSES, ", ".join(model.facts.classes))
    unfit = model.facts.may_replace(live.facts)
    if unfit:
        return _missing(_CLASSES, f"{unfit}; classes may be added or left out at the end, the size stays: train it so")
    return _passed(_CLASSES, f"{', '.join(model.facts.classes)}: as the live model's, as far as both go")


def _ruled(model: RegisteredModel, settings: Mapping[str, SiteSettings]) -> Iterator[GateOutcome]:
    """Judge the rules of each site; the sites that fit share one outcome."""
    fit = []
    for site, own in sorted(settings.items()):
        try:
            own.rules_for(model.facts.classes, f"rules of site {site}")
        except SettingsError as error:
            yield _missing(_RULES, f"{error}; mend them with `raypp site configure {site}`")
            continue
        if unknown := own.unknown_classes(model.facts.classes):
            yield _missing(_RULES, f"rules of site {site}: {unknown[0]}; mend them with `raypp site configure {site}`")
            continue
        fit.append(site)
    if fit or not settings:
        yield _passed(_RULES, f"those of {', '.join(fit)} fit" if fit else "no site streams under this veil yet")


def _passed(gate: str, words: str) -> GateOutcome:
    return GateOutcome(gate=gate, passed=True, words=words)


def _missing(gate: str, words: str) -> GateOutcome:
    return GateOutcome(gate=gate, passed=False, words=words)
