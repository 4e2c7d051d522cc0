"""The document has the facts that its sources have, says "not known" of all else, and leaves judgement blank."""

from pathlib import Path

import pytest

from raypp.audit.verdict.certificate import sign
from raypp.bench.sample_bundle import sample_info, write_sample_bundle
from raypp.dpia.document import BLANK, DpiaRequest, dpia_markdown, gather_facts, write_document
from raypp.dpia.section import NOT_KNOWN, DpiaDocument, EvidencedFact, Section
from raypp.dual_control.opening import Purpose, open_split_key, split_owner_key
from raypp.dual_control.share import no_passphrase
from raypp.errors import CertificateError, ModelError, OptionError
from raypp.forget.run import forget_frames
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.store import Ledger
from raypp.shards.labels import dataset_version, read_labels
from raypp.shards.reader import ShardReader
from tests.audit.rows import certificate
from tests.command import raypp, summary
from tests.forget.places import settings_for, veil_again
from tests.ledger.site import Connection, chunks, working_day
from tests.rekey.places import HERE, NEW, OLD, SPEC, write_place

_POLICY = """rules:
  - {kind: archive, archive: veiled, key: old.key, camera: crane, age: 90d, action: forget}
  - {kind: ledger, ledger: "postgresql+psycopg://raypp:hunter2@db.example/x", age: 400d, action: report}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of which a camera was forgotten, and all that tells of it."""
    place = write_place(tmp_path_factory.mktemp("place"))
    veil_again(place, place / "veiled")
    reader = ShardReader(str(place / "veiled"))
    version = dataset_version(reader.manifest, read_labels(reader.store, "tools-v1"))
    info = sample_info("yolov8n", SPEC, 80, OLD.veil_id(SPEC))
    write_sample_bundle(place / "tools.model", info.model_copy(update={"dataset_version": version}))
    forget_frames(settings_for(place, place / "veiled", sources=("train/001.jpg",)), HERE)
    body = certificate(key=OLD, veil_id=OLD.veil_id(SPEC), spec=SPEC.model_dump(mode="json"))
    (place / "certificate.json").write_bytes(sign(body, OLD))
    (place / "retention.yaml").write_text(_POLICY)
    with Ledger.open(f"sqlite:///{place}/ledger.db") as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send_all(chunks(working_day()))
        AuditLog(ledger).record("operator dana", "report", "plant-1")
    split_owner_key(place / "old.key", ("anna", "ben", "carla"), place / "split")
    shares = [place / "split" / person / "key.share" for person in ("anna", "ben")]
    open_split_key(
        place / "split/owner.key.split", shares, Purpose("show", "veiled", "claim 17", ("ab",)), no_passphrase
    )
    return place


def _request(place: Path, **fields: object) -> DpiaRequest:
    return DpiaRequest(archive=ShardReader(str(place / "veiled")), **fields)


def _all(place: Path) -> DpiaRequest:
    return _request(
        place,
        private=place / "veiled-private",
        certificate=place / "certificate.json",
        policy=place / "retention.yaml",
        ledger=f"sqlite:///{place}/ledger.db",
        models=(place / "tools.model",),
        split_key=place / "split/owner.key.split",
        logs=(place / "split/anna/key.log",),
    )


def _facts(document: DpiaDocument) -> dict[str, str]:
    return {fact.name: fact.value for section in document.sections for fact in section.facts}


def test_it_has_the_facts_of_its_sources(place):
    facts = _facts(gather_facts(_all(place)))
    assert facts["veiled frames"] == "36"
    assert facts["site plant, camera crane"] == "4 frames"
    assert facts["captured"].startswith("2026-11-02 06:00:00 UTC to ")
    assert facts["forgettings that ended"] == "1"
    assert any(name.startswith("order ") and value == "1 frame of 1 segment" for name, value in facts.items())
    assert facts["tools.model was trained on forgotten frames"].startswith("yes")
    assert facts["rule 1: archive " + str(place / "veiled") + ", camera crane"] == "90d, then forgotten"
    assert facts["site plant-1"].startswith("1 camera, 240 frames kept, 0 frames forgotten")
    assert facts["operator dana: report"].startswith("1 entry, the last ")
    assert facts["recorded uses of the split key"] == "1"
    assert "show, 1 frame, by anna, ben: claim 17" in facts.values()
    assert facts["audit"] == "budget quick, images: 16 attacked, 12 known to attackers"
    assert any(value.startswith("A first look: few images") for value in facts.values())
    assert facts["codes of frames"] == "open to whoever has the files"


def test_of_a_detector_that_no_receipt_names_it_is_not_known_what_it_saw(place):
    facts = _facts(gather_facts(_request(place, models=(place / "tools.model",))))
    assert facts["tools.model was trained on forgotten frames"] == NOT_KNOWN


def test_no_password_is_in_it(place):
    assert "hunter2" not in gather_facts(_all(place)).model_dump_json()


def test_what_is_not_given_is_not_known_and_nothing_is_claimed(place):
    document = gather_facts(_request(place))
    facts = _facts(document)
    for name in (
        "leakage of the veil",
        "periods",
        "ledger",
        "accesses",
        "detectors",
        "uses of the owner's key",
        "orders of forgetting",
    ):
        assert facts[name] == NOT_KNOWN
    alone = {"What was measured of leakage", "How long it is kept", "Which detectors read it", "What was forgotten"}
    for section in document.sections:
        if section.title in alone:
            assert [fact.value for fact in section.facts] == [NOT_KNOWN]


def test_judgement_is_left_blank(place):
    document = gather_facts(_all(place))
    text = dpia_markdown(document)
    questions = [question for section in document.sections for question in section.questions]
    assert len(questions) > 10
    assert text.count(BLANK) == len(questions) + 1
    for question in questions:
        assert f"**{question}**\n\n{BLANK}" in text
    assert all(fact.evidence for section in document.sections for fact in section.facts)


def test_names_of_others_do_not_lay_out_the_document(place):
    fact = EvidencedFact(name="camera | a\n## Verdict", value="<script>**safe**", evidence="x")
    document = gather_facts(_request(place)).model_copy(update={"sections": (Section(title="t", facts=(fact,)),)})
    line = next(line for line in dpia_markdown(document).splitlines() if "camera" in line)
    assert line == r"| camera \| a\\n\#\# Verdict | \<script\>\*\*safe\*\* | x |"


def test_evidence_of_something_else_is_refused(place, tmp_path):
    body = certificate(key=NEW, veil_id=NEW.veil_id(SPEC), spec=SPEC.model_dump(mode="json"))
    (tmp_path / "other.json").write_bytes(sign(body, NEW))
    with pytest.raises(CertificateError, match=r"certificate .*other.json is of veil"):
        gather_facts(_request(place, certificate=tmp_path / "other.json"))
    with pytest.raises(OptionError, match="`split_key` and `logs` go together"):
        gather_facts(_request(place, split_key=place / "split/owner.key.split"))
    with pytest.raises(ModelError):
        gather_facts(_request(place, models=(place / "retention.yaml",)))


def test_a_document_that_somebody_filled_in_is_never_overwritten(place, tmp_path):
    document = gather_facts(_request(place))
    write_document(document, tmp_path / "dpia.md")
    assert (tmp_path / "dpia.md").stat().st_mode & 0o777 == 0o600
    with pytest.raises(OptionError, match="exists, and somebody may have filled it in"):
        write_document(document, tmp_path / "dpia.md")


def test_the_command(place, tmp_path):
    options = ("--archive", place / "veiled", "--json", tmp_path / "dpia.json")
    done = raypp("dpia", tmp_path / "dpia.md", *options)
    assert done.returncode == 0, done.stderr
    assert "not known" in done.stderr
    assert "# Data protection impact assessment" in (tmp_path / "dpia.md").read_text()
    assert summary(tmp_path / "dpia.json")["sections"]
