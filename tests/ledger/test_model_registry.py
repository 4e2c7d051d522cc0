import threading
from dataclasses import replace

import pytest

from raypp.errors import ConflictError, OptionError, RayppError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.model_registry import ModelRegistry
from raypp.ledger.model_values import DeploymentAction, GateOutcome, VeilCertificate
from raypp.ledger.store import Ledger
from tests.ledger.older import make_older
from tests.ledger.registered import OTHER_VEIL, VEIL, evaluated, registered
from tests.ledger.site import SECOND, Clock

MET = (GateOutcome(gate="accuracy", passed=True, words="mAP50 0.9"),)
MISSING = (GateOutcome(gate="certificate", passed=False, words="none"),)


@pytest.fixture
def registry(ledger: Ledger) -> ModelRegistry:
    return ModelRegistry(ledger, "anna")


def aliases(registry: ModelRegistry) -> dict[str, str]:
    return {alias: model.name for model in registry.models(VEIL) for alias in model.aliases}


def test_a_model_from_its_addition_to_its_retirement(registry: ModelRegistry, ledger: Ledger, clock: Clock):
    first, second = (registry.add(registered(number, evaluated(0.5))) for number in (1, 2))
    registry.set_alias("candidate", first)
    registry.promote(registry.model("candidate"), None, MET, None)
    assert aliases(registry) == {"live": "tools-v1"}, "a candidate that is live is none any more"
    clock.now += SECOND
    registry.promote(second, first, MISSING, "the camera was turned")
    assert aliases(registry) == {"live": "tools-v2", "previous": "tools-v1"}
    assert registry.aliased(VEIL, "live", "previous", "shadow").keys() == {"live", "previous"}
    assert registry.aliased(OTHER_VEIL, "live") == {}
    with pytest.raises(ConflictError, match="is live; it can be retired once no alias stands for it"):
        registry.retire(second)
    clock.now += SECOND
    back, former = registry.rollback(VEIL)
    assert (back.name, former.name) == ("tools-v1", "tools-v2")
    assert aliases(registry) == {"live": "tools-v1"}
    registry.retire(second)
    for refused in (lambda: registry.set_alias("x", second), lambda: registry.promote(second, first, MET, None)):
        with pytest.raises(ConflictError, match=r"tools-v2 \(222222222222\) is retired"):
            refused()
    assert registry.add(second).retired_us is None, "adding it again brings it back"

    rows = registry.deployments()
    assert [(row.action, row.model_id[0], row.former_id and row.former_id[0], row.override) for row in rows] == [
        (DeploymentAction.PROMOTE, "1", None, None),
        (DeploymentAction.PROMOTE, "2", "1", "the camera was turned"),
        (DeploymentAction.ROLLBACK, "1", "2", None),
    ]
    assert rows[0].gates == MET
    assert [row.at_us - rows[0].at_us for row in rows] == [0, SECOND, 2 * SECOND]
    actions = [entry.action for entry in AuditLog(ledger).list() if entry.who == "anna"]
    assert actions == [
        *("model add", "model add", "model alias", "model promote", "model promote", "model rollback"),
        *("model retire", "model add"),
    ]


def test_what_cannot_be_is_refused_in_one_line(registry: ModelRegistry):
    model = registry.add(registered(1))
    other = registry.add(registered(2, veil_id=OTHER_VEIL))
    cases = [
        (ConflictError, "has no previous model to roll back to", lambda: registry.rollback(VEIL)),
        (OptionError, f"is of veil {OTHER_VEIL}, not of {VEIL}", lambda: registry.model("tools-v2", VEIL)),
        (OptionError, "there is no model tools-v9", lambda: registry.model("tools-v9")),
        (OptionError, "no model of any veil is live", lambda: registry.model("live")),
        (OptionError, "is set by `raypp model promote`", lambda: registry.set_alias("live", model)),
        (OptionError, "is set by `raypp model promote`", lambda: registry.drop_alias("live", model)),
        (OptionError, "alias nightly does not stand for", lambda: registry.drop_alias("nightly", model)),
        (OptionError, "use letters, digits", lambda: registry.set_alias("a b", model)),
        (ConflictError, "has no live model to run beside", lambda: registry.set_alias("shadow", model)),
        (ConflictError, "misses a gate", lambda: registry.promote(model, None, MISSING, None)),
        (ConflictError, "became live meanwhile", lambda: registry.promote(model, other, MET, None)),
    ]
    for kind, words, refused in cases:
        with pytest.raises(RayppError) as raised:
            refused()
        assert type(raised.value) is kind
        assert words in str(raised.value)
        assert "\n" not in str(raised.value)
    assert aliases(registry) == {}
    assert registry.deployments() == ()


def test_a_model_is_named_by_name_alias_or_the_begin_of_its_id(registry: ModelRegistry):
    for number, veil in ((1, VEIL), (2, OTHER_VEIL)):
        model = registry.add(registered(number, veil_id=veil))
        registry.set_alias("candidate", model)
    assert registry.model("tools-v1") == registry.model("1" * 6) == registry.model("candidate", VEIL)
    with pytest.raises(OptionError, match=r"candidate may be tools-v1 .* of veil abab.*, tools-v2 .*; name the model"):
        registry.model("candidate")


def test_evaluations_are_gathered_and_a_newer_one_of_the_same_frames_counts(registry: ModelRegistry):
    registry.add(registered(1, evaluated(0.5), evaluated(0.6, split="test")))
    model = registry.add(registered(1, evaluated(0.7)))
    assert [(each.dataset, each.map50) for each in model.evaluations] == [("tools-v1/test", 0.6), ("tools-v1/val", 0.7)]
    with pytest.raises(ConflictError, match="model 111111111111 is named tools-v1; choose another name"):
        registry.add(replace(registered(2), name="tools-v1"))


def test_a_certificate_is_kept_and_a_newer_one_takes_its_place(registry: ModelRegistry):
    assert registry.certificate(VEIL) is None
    for digest in ("1" * 64, "2" * 64):
        kept = VeilCertificate(
            veil_id=VEIL, sha256=digest, signed_by="a" * 16, issued_us=5, verdicts={"leakage, mean": "met"}
        )
        registry.keep_certificate(kept)
    assert registry.certificate(VEIL) == kept


def test_of_promotions_at_the_same_time_one_is_made(registry: ModelRegistry, ledger: Ledger):
    live = registry.add(registered(1))
    registry.promote(live, None, MET, None)
    rivals = [registry.add(registered(number)) for number in range(2, 6)]
    together, refusals = threading.Barrier(len(rivals)), []

    def promote(rival):
        together.wait()
        try:
            ModelRegistry(ledger).promote(rival, live, MET, None)
        except ConflictError as error:
            refusals.append(str(error))

    threads = [threading.Thread(target=promote, args=(rival,)) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refusals) == len(rivals) - 1
    assert aliases(registry)["previous"] == "tools-v1"
    assert len(registry.deployments()) == 2


def test_a_ledger_of_an_older_schema_has_no_models_and_is_only_read(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    make_older(url, "0010")
    with Ledger.open(url, create=False) as ledger:
        registry = ModelRegistry(ledger)
        assert registry.models() == registry.deployments() == ()
        assert registry.aliased(VEIL, "live") == {}
    with Ledger.open(url) as ledger:
        assert ModelRegistry(ledger).add(registered(1)).name == "tools-v1"


def test_a_shadow_stands_beside_a_live_model_that_it_could_replace(registry: ModelRegistry):
    live, like, unlike = (registry.add(registered(number, size=160 + 32 * (number == 3))) for number in (1, 2, 3))
    registry.promote(live, None, MET, None)
    registry.set_alias("shadow", like)
    assert {alias: model.name for alias, model in registry.aliased(VEIL, "live", "shadow").items()} == {
        "live": "tools-v1",
        "shadow": "tools-v2",
    }
    for model, words in ((live, "another one can run beside it"), (unlike, "its square is 192 pixels")):
        with pytest.raises(ConflictError, match=words):
            registry.set_alias("shadow", model)
    registry.promote(like, live, MET, None)
    assert aliases(registry) == {"live": "tools-v2", "previous": "tools-v1"}, "it is live, and no shadow any more"
