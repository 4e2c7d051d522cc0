"""What a ledger keeps of a shadow's agreement: counts, added up whoever adds them."""

from concurrent.futures import ThreadPoolExecutor

from raypp.ledger.model_agreement import Agreement, AgreementBook, ClassAgreement
from raypp.ledger.store import Ledger
from tests.ledger.older import make_older
from tests.ledger.registered import OTHER_VEIL, VEIL
from tests.ledger.site import Clock

_SHADOW, _LIVE = "2" * 64, "1" * 64
_SOME = Agreement(
    frames=4, alike=3, passed_over=2, classes={"saw": ClassAgreement(both=5, live_alone=1, shadow_alone=2)}
)


def test_counts_of_replicas_add_up(ledger: Ledger, clock: Clock):
    book, begun_us = AgreementBook(ledger), clock.now
    book.add(VEIL, _SHADOW, _LIVE, _SOME)
    clock.now += 1_000_000
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: book.add(VEIL, _SHADOW, _LIVE, _SOME), range(8)))
    book.add(VEIL, _SHADOW, _LIVE, Agreement(frames=1, classes={"drill": ClassAgreement(both=1)}))
    (kept,) = book.kept(VEIL)
    assert (kept.shadow_id, kept.live_id, kept.first_us, kept.last_us) == (_SHADOW, _LIVE, begun_us, clock.now)
    assert (kept.agreement.frames, kept.agreement.alike, kept.agreement.passed_over) == (37, 27, 18)
    assert kept.agreement.classes == {
        "saw": ClassAgreement(both=45, live_alone=9, shadow_alone=18),
        "drill": ClassAgreement(both=1),
    }
    assert kept.agreement.total == ClassAgreement(both=46, live_alone=9, shadow_alone=18)
    assert kept.agreement.classes["saw"].share == 45 / 72
    assert book.kept(OTHER_VEIL) == ()
    assert book.kept() == (kept,)


def test_a_ledger_of_an_older_schema_has_none(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    make_older(url, "0011")
    with Ledger.open(url, create=False) as ledger:
        assert AgreementBook(ledger).kept() == ()
    with Ledger.open(url) as ledger:
        AgreementBook(ledger).add(VEIL, _SHADOW, _LIVE, _SOME)
        assert len(AgreementBook(ledger).kept()) == 1
