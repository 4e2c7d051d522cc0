import pytest

from raypp.ledger.model_values import RegisteredModel, VeilCertificate
from raypp.registry.promotion_gates import judge_promotion
from raypp.usage.settings import SiteSettings
from tests.ledger.registered import VEIL, evaluated, registered

CERTIFICATE = VeilCertificate(
    veil_id=VEIL, sha256="e" * 64, signed_by="f" * 16, issued_us=0, verdicts={"mean": "met", "text read": "missed"}
)
SETTINGS = {"plant-1": SiteSettings.parse("tools: [{class: drill}]", "")}
LIVE = registered(1, evaluated(0.8))


def judged(
    model: RegisteredModel, live: RegisteredModel | None = LIVE, settings=SETTINGS, certificate=CERTIFICATE, **wanted
) -> dict[str, str]:
    """Words of the gates that are missing, by gate; each is one line."""
    gates = judge_promotion(model, live, certificate, settings, **wanted)
    assert {gate.gate for gate in gates} == {"accuracy", "certificate", "classes", "rules"}
    assert not any("\n" in gate.words for gate in gates)
    return {gate.gate: gate.words for gate in gates if not gate.passed}


@pytest.mark.parametrize(("map50", "tolerance", "missing"), [
    (0.81, 0.0, set()),
    (0.80, 0.0, set()),
    (0.79, 0.0, {"accuracy"}),
    (0.7901, 0.01, set()),
    (0.78, 0.01, {"accuracy"}),
    (0.1, 1.0, set()),
])  # fmt: skip
def test_accuracy_may_be_lower_by_the_tolerance_and_no_more(map50: float, tolerance: float, missing: set[str]):
    assert judged(registered(2, evaluated(map50)), tolerance=tolerance).keys() == missing


def test_each_missing_gate_says_what_helps():
    model = registered(2, evaluated(0.5), classes=("hammer", "saw"), size=320)
    missing = judged(model, certificate=None)
    assert missing["accuracy"].startswith(
        "mAP50 0.500 on tools-v1/val, the live model's 0.800: lower by more than 0.01"
    )
    assert missing["certificate"] == (
        f"veil {VEIL} has no certificate; run `raypp audit`, then `raypp model add BUNDLE --certificate FILE`"
    )
    assert missing["classes"].startswith("its square is 320 pixels, that of the live model 160")
    assert missing["rules"].startswith("rules of site plant-1: the model does not fit: tools, 1st (drill): there is no")
    assert missing["rules"].endswith("mend them with `raypp site configure plant-1`")


def test_evaluations_count_on_the_same_frames_alone():
    assert (
        "was not evaluated on the same frames (tools-v1/val)" in judged(registered(2, evaluated(0.9, "d2")))["accuracy"]
    )
    assert "has no evaluation; run `raypp evaluate" in judged(registered(2))["accuracy"]
    two = registered(2, evaluated(0.9), evaluated(0.9, split="test"))
    assert judged(two) == {}
    assert "(tools-v1/test)" in judged(two, dataset="tools-v1/test")["accuracy"]
    assert "has no evaluation on tools-v1/night" in judged(two, dataset="tools-v1/night")["accuracy"]


def test_the_first_model_of_a_veil_needs_an_evaluation_and_a_certificate_alone():
    assert judged(registered(2, evaluated(0.1)), None, {}) == {}
    assert judged(registered(2), None, {}, None).keys() == {"accuracy", "certificate"}


@pytest.mark.parametrize(("classes", "fits"), [
    (("drill", "saw", "grinder"), True),
    (("drill",), True),
    (("saw", "drill"), False),
    (("drill", "grinder"), False),
])  # fmt: skip
def test_classes_may_be_added_or_left_out_at_the_end(classes: tuple[str, ...], fits: bool):
    assert ("classes" not in judged(registered(2, evaluated(0.9), classes=classes))) == fits


def test_rules_of_each_site_are_judged_alone():
    settings = SETTINGS | {"plant-2": SiteSettings.parse("tools: [{class: drill}, {class: saw}]", "")}
    gates = judge_promotion(registered(2, evaluated(0.9), classes=("drill",)), LIVE, CERTIFICATE, settings)
    rules = [(gate.passed, gate.words) for gate in gates if gate.gate == "rules"]
    assert (True, "those of plant-1 fit") in rules
    assert [words.split(":")[0] for passed, words in rules if not passed] == ["rules of site plant-2"]
