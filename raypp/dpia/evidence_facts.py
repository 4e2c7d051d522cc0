"""Facts of what was measured and decided elsewhere: certificate, retention policy, detectors, a split key's log."""

from collections.abc import Sequence
from pathlib import Path

from raypp.audit.verdict.gates import Verdict
from raypp.audit.verdict.headline import first_look, headlines, yardstick
from raypp.audit.verdict.vouched import verify_vouched
from raypp.detect.bundle_header import is_sealed, read_index
from raypp.dpia.section import EvidencedFact, Section, unknown
from raypp.dual_control.opening import compare_logs
from raypp.errors import ModelError
from raypp.forget.receipt import ForgetReceipt
from raypp.retention.policy import load_policy
from raypp.shards.reader import ShardReader
from raypp.text.address import redacted
from raypp.text.wording import counted

_UNMET = (Verdict.MISSED, Verdict.UNDECIDED, Verdict.NOT_EVALUATED)


def measured_leakage(path: Path | None, reader: ShardReader) -> Section:
    """Return what an audit measured; raises CertificateError if the certificate is not of this archive's veil."""
    title, questions = "What was measured of leakage", ("Is this leakage acceptable for these images and purposes?",)
    if path is None:
        missing = unknown("leakage of the veil", "no certificate was given; `raypp audit` measures it")
        return Section(title=title, facts=(missing,), questions=questions)
    certificate = verify_vouched(path, None, reader.store)
    evidence = f"certificate of {certificate.made_at}, signed by {certificate.key_fingerprint}"
    images = f"{certificate.images.victims} attacked, {certificate.images.known} known to attackers"
    verdict = (*headlines(certificate.gates), *first_look(certificate.budget))
    facts = [
        EvidencedFact(name="audit", value=f"budget {certificate.budget}, images: {images}", evidence=evidence),
        *(EvidencedFact(name="verdict", value=line, evidence=evidence) for line in verdict),
        *(
            EvidencedFact(name="found", value=line, evidence=evidence)
            for line in yardstick(certificate.bounds, certificate.rows)
        ),
    ]
    for gate in certificate.gates:
        if gate.verdict in _UNMET:
            got = "nothing" if gate.got is None else f"{gate.got:.2f}"
            most = "no threshold" if gate.threshold is None else f"at most {gate.threshold:.2f}"
            value = f"{gate.verdict.value}: {got} reached, {most} allowed"
            facts.append(EvidencedFact(name=f"{gate.name}, {gate.adversary.value}", value=value, evidence=evidence))
    facts += [EvidencedFact(name="assumed", value=line, evidence=evidence) for line in certificate.assumptions]
    facts.append(unknown("leakage by attacks that are not in the certificate", "it tells of its own attacks"))
    facts.append(
        unknown("whether the audited images are like those of this archive", "a certificate is of a veil, not of it")
    )
    return Section(title=title, facts=tuple(facts), questions=questions)


def retention(path: Path | None) -> Section:
    """Return what a retention policy says; raises OptionError if it cannot be read."""
    title, questions = "How long it is kept", ("Is each period necessary for its purpose?",)
    if path is None:
        missing = unknown("periods", "no retention policy was given")
        return Section(title=title, facts=(missing,), questions=questions)
    facts = []
    for number, rule in enumerate(load_policy(path).rules, 1):
        narrowed = [f"{name} {value}" for name in ("site", "camera") if (value := getattr(rule, name, None))]
        what = ", ".join([f"{rule.kind} {redacted(rule.place)}", *narrowed])
        then = "then forgotten" if rule.action == "forget" else "then counted, and kept"
        facts.append(
            EvidencedFact(name=f"rule {number}: {what}", value=f"{rule.age}, {then}", evidence=f"policy {path.name}")
        )
    facts.append(unknown("whether the policy is run", "it is a file; receipts and the audit log tell of runs"))
    facts.append(unknown("how long sources and back-ups are kept", "raypp does not keep them"))
    return Section(title=title, facts=tuple(facts), questions=questions)


def detectors(paths: Sequence[Path], veil_id: str, receipts: Sequence[ForgetReceipt]) -> Section:
    """Return what detectors are, and whether one was trained on what was forgotten since.

    Raises:
        ModelError: if a file is no bundle, or sealed.
    """
    facts = [fact for path in paths for fact in _detector(path, veil_id, receipts)]
    if not facts:
        facts = [unknown("detectors", "no bundle was given")]
    return Section(
        title="Which detectors read it",
        facts=tuple(facts),
        questions=("What is decided by what the detectors find, and by whom?",),
    )


def uses_of_key(split_key: Path | None, logs: Sequence[Path]) -> Section:
    """Return who has opened a split key; raises KeyFileError or ConflictError if the logs do not hold."""
    title = "Who looked at plain frames"
    if split_key is None:
        return Section(title=title, facts=(unknown("uses of the owner's key", "no log of a split key was given"),))
    entries = compare_logs(split_key, logs).uses
    evidence = f"logs of the split key, {counted(len(logs), 'copy')}"
    uses = [entry for entry in entries if entry.action != "split"]
    facts = [EvidencedFact(name="recorded uses of the split key", value=str(len(uses)), evidence=evidence)]
    for entry in uses:
        frames = f", {counted(len(entry.samples), 'frame')}" if entry.samples else ""
        what = f"{entry.action}{frames}, by {', '.join(entry.persons)}: {entry.reason}"
        facts.append(EvidencedFact(name=entry.at, value=what, evidence=evidence))
    facts.append(unknown("uses of a whole key, or outside of raypp", "no log has them"))
    return Section(title=title, facts=tuple(facts))


def _detector(path: Path, veil_id: str, receipts: Sequence[ForgetReceipt]) -> list[EvidencedFact]:
    if is_sealed(path):
        raise ModelError(f"{path} is sealed, and does not tell what it was trained on; give one that is not sealed")
    header = read_index(path).header
    info, evidence = header.info, f"header of {path.name}"
    same = "of this archive's veil" if info.veil_id == veil_id else f"of another veil, {info.veil_id}"
    facts = [EvidencedFact(name=path.name, value=f"{same}; finds {', '.join(info.classes)}", evidence=evidence)]
    scores = header.scores
    if scores is None:
        facts.append(unknown(f"accuracy of {path.name}", "the bundle does not tell"))
    else:
        value = f"mAP50 {scores.map50:.2f}, precision {scores.precision:.2f}, recall {scores.recall:.2f} on val"
        facts.append(EvidencedFact(name=f"accuracy of {path.name}", value=value, evidence=evidence))
    held = {
        dataset.dataset_version for receipt in receipts for dataset in receipt.datasets if "train" in dataset.frames
    }
    name = f"{path.name} was trained on forgotten frames"
    if info.dataset_version in held:
        value = "yes: its dataset version had forgotten frames in train"
        facts.append(EvidencedFact(name=name, value=value, evidence="receipts of forgetting"))
    else:
        facts.append(unknown(name, "no receipt of forgetting names its dataset version"))
    return facts
