"""The page on models, command by command, and what its commands refuse."""

import json
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from raypp.audit.verdict.certificate import verify_certificate
from raypp.cli.model import model
from raypp.cli.sites import make_site_app
from raypp.errors import CertificateError, ConflictError, ModelError, OptionError, RayppError
from raypp.evaluate.report import EvaluationScores
from raypp.evaluate.scores import EvaluationSubject
from raypp.ledger.store import Ledger
from raypp.registry.bundle_folder import bundle_digest
from tests.command import ROOT
from tests.docs.pages import blocks
from tests.ledger.site import Connection, seen
from tests.serving.bundles import write_eager_bundle

CERTIFICATE = ROOT / "tests/compatibility/certificates/quick-audit.json"
PAGE = ROOT / "docs/how-to/models.md"
URL = "sqlite:///ledger.db"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with two bundles of the certified veil, and one of another."""
    folder = tmp_path_factory.mktemp("bundles")
    veil_id = verify_certificate(CERTIFICATE).veil_id
    write_eager_bundle(folder / "tools.model", 1, veil_id)
    write_eager_bundle(folder / "night.model", 2, veil_id)
    write_eager_bundle(folder / "other.model", 2, "cd" * 16)
    return folder


@pytest.fixture
def place(tmp_path: Path, bundles: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with bundles, scores, a certificate, and a ledger whose site has streamed."""
    monkeypatch.chdir(tmp_path)
    for bundle in bundles.iterdir():
        (tmp_path / bundle.name).hardlink_to(bundle)
    (tmp_path / "certificate.json").write_bytes(CERTIFICATE.read_bytes())
    write_scores(tmp_path / "tools.json", bundle_digest(tmp_path / "tools.model"), 0.9)
    with Ledger.open(URL) as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send(1, [seen(0)])
    return tmp_path


def write_scores(path: Path, model_id: str | None, map50: float) -> None:
    subject = EvaluationSubject(
        model_id=model_id, veil_id="", dataset_version="d1", labels_version="tools-v1", split="val", engine=None
    )
    scores = EvaluationScores(
        **dict.fromkeys(("samples", "labels"), 1),
        **dict.fromkeys(("precision", "recall", "map50_95"), 0.5),
        map50=map50,
        classes=(),
        by_site=(),
        by_camera=(),
        subject=subject,
    )
    path.write_text(scores.model_dump_json())


def run(*arguments: object, env: dict[str, str] | None = None) -> Result:
    app = typer.Typer()
    app.add_typer(model, name="model")
    app.add_typer(make_site_app(), name="site")
    given = {"COLUMNS": "200", "RAYPP_LEDGER": URL, "RAYPP_MODELS": "models", **(env or {})}
    return CliRunner(env=given).invoke(app, [str(argument) for argument in arguments])


def succeed(*arguments: object, env: dict[str, str] | None = None) -> Result:
    done = run(*arguments, env=env)
    assert done.exit_code == 0, f"{arguments}\n{done.output}\n{done.exception!r}"
    return done


def fail(kind: type[RayppError], words: str, *arguments: object) -> Result:
    done = run("model", *arguments)
    assert type(done.exception) is kind, done.output
    assert words in str(done.exception)
    assert "\n" not in str(done.exception)
    return done


def test_the_page_runs_as_it_is_written(place: Path):
    env, printed = {"RAYPP_LEDGER": "", "RAYPP_MODELS": ""}, {}
    for block in blocks(PAGE.read_text()):
        if block.mark is None or block.mark[0] != "run":
            continue
        for line in block.text.splitlines():
            words = shlex.split(line)
            if words[0] == "export":
                env |= dict(word.split("=", 1) for word in words[1:])
                continue
            assert words[0] == "raypp"
            printed[line] = succeed(*words[1:], env=env).output
    assert len(printed) == 15
    listed = printed["raypp model list"]
    assert "tools-v1 (" in listed
    assert "mAP50 0.900 on tools-v1/val" in listed
    assert printed["raypp model promote"].count("met ") == 4
    (override,) = (line for line in printed if "--override" in line)
    assert printed[override].count("MISSING") == 1
    assert "no model has run beside a live one" in printed["raypp model agreement tools-v2"]
    history = printed["raypp model history"].splitlines()
    assert [line.split("  ")[2].split()[0] for line in history] == ["promote", "promote", "rollback"]
    assert "override: cameras were turned" in history[1]
    bench = printed["raypp model history --at 2026-11-02T10:00 --stream plant-1/bench"]
    assert bench.startswith("plant-1/bench  model aaaaaaaaaaaa, rules ")
    assert "(version 0, in force now)" in bench
    assert "last frame 2023-11-14 22:13:20 UTC" in bench
    assert len(list((place / "models").iterdir())) == 1, "the retired bundle is deleted"


def test_evidence_that_is_not_the_models_own_is_refused(place: Path):
    tools, night = "tools.model", "night.model"
    fail(OptionError, "is of model", "add", night, "--evaluation", "tools.json")
    write_scores(place / "run.json", None, 0.9)
    fail(OptionError, "does not name the bundle that it measured", "add", tools, "--evaluation", "run.json")
    (place / "no.json").write_text("{}")
    fail(OptionError, "evaluation no.json: ", "add", tools, "--evaluation", "no.json")
    fail(OptionError, "cannot be read", "add", tools, "--evaluation", "absent.json")
    fail(CertificateError, "is of veil", "add", "other.model", "--certificate", "certificate.json")
    (place / "false.json").write_text(CERTIFICATE.read_text().replace('"size": ', '"size": 1'))
    fail(CertificateError, "", "add", tools, "--certificate", "false.json")
    fail(ModelError, "no detector bundle", "add", "tools.json")
    assert "no models" in succeed("model", "list").output, "nothing was registered"


def test_a_gate_that_is_missing_keeps_a_model_from_going_live(place: Path):
    succeed("model", "add", "tools.model", "--name", "v1", "--evaluation", "tools.json")
    missing = fail(ConflictError, "model v1 (", "promote", "v1")
    assert [line.split(":")[0].split() for line in missing.stdout.splitlines()] == [
        ["met", "accuracy"],
        ["MISSING", "certificate"],
        ["met", "classes"],
        ["met", "rules"],
    ]
    fail(OptionError, "needs a reason", "promote", "v1", "--override", " ")
    fail(OptionError, "must lie between 0 and 1", "promote", "v1", "--tolerance", "2")
    fail(OptionError, "no veil has a live model", "rollback")
    succeed("model", "add", "tools.model", "--certificate", "certificate.json")
    summary = place / "promoted.json"
    succeed("model", "promote", "v1", "--override", "not needed", "--json", summary)
    assert json.loads(summary.read_text())["override"] is None, "a reason counts only where a gate was missing"
    fail(ConflictError, "is live already", "promote", "v1")
    fail(ConflictError, "has no previous model to roll back to", "rollback")


def test_aliases_and_promotions_of_another_veil_are_refused(place: Path):
    succeed("model", "add", "other.model", "--name", "other")
    veil = verify_certificate(CERTIFICATE).veil_id
    for arguments in (("alias", "other", "candidate"), ("promote", "other"), ("show", "other"), ("retire", "other")):
        fail(OptionError, f"is of veil {'cd' * 16}, not of {veil}", *arguments, "--veil", veil)


def test_a_bundle_that_is_gone_or_altered_is_not_promoted(place: Path):
    succeed("model", "add", "tools.model", "--name", "v1")
    (kept,) = (place / "models").iterdir()
    content = kept.read_bytes()
    kept.chmod(0o600)
    kept.write_bytes(content[:-1] + b"x")
    fail(ModelError, "was altered", "promote", "v1", "--override", "why not")
    kept.unlink()
    fail(ModelError, "is not at", "promote", "v1", "--override", "why not")
    succeed("model", "add", "tools.model")
    assert kept.read_bytes() == content


@pytest.mark.parametrize(("arguments", "words"), [
    (("--site", "plant-1"), "go with --at"),
    (("--at", "2026-11-02", "--site", "a", "--stream", "a/b"), "give one of them"),
    (("--at", "2026-11-02", "--veil", "ab"), "give one of them"),
    (("--at", "noon",), "is no time"),
    (("--at", "2026-11-02", "--stream", "plant-1/"), "names no camera"),
])  # fmt: skip
def test_questions_that_cannot_be_answered_are_refused(place: Path, arguments: tuple[str, ...], words: str):
    fail(OptionError, words, "history", *arguments)
