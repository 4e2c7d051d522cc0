"""A shadow detects on what it is offered, a share of the time, and whatever befalls it harms nothing."""

import asyncio
import time
from pathlib import Path

import pytest

from actors.metrics import DetectorMetrics
from actors.shadow import Shadow
from raypp.bench.sample_bundle import write_sample_bundle
from raypp.ledger.model_agreement import AgreementBook
from raypp.ledger.store import Ledger
from raypp.registry.bundle_folder import bundle_digest
from raypp.serving.detector import BundleDetector
from raypp.serving.live_model import LiveModel, LiveModelSource
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from tests.serving.bundles import HEIGHT, VEIL, WIDTH, eager_model, some_codes, write_eager_bundle

_BLOCKS = [FrameBlock(some_codes(6), 0, WIDTH, HEIGHT), FrameBlock(some_codes(3), 1, WIDTH, HEIGHT)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a live bundle, one of the same weights, others, and one with a class more."""
    folder = tmp_path_factory.mktemp("bundles")
    write_eager_bundle(folder / "live.model", 1)
    write_eager_bundle(folder / "other.model", 2)
    write_eager_bundle(folder / "more.model", 2, classes=("hammer", "saw", "drill"))
    model, info = eager_model(1)
    write_sample_bundle(folder / "twin.model", info.model_copy(update={"labels_version": "tools-v2"}), model)
    return folder


@pytest.fixture(scope="module")
def live(place: Path) -> BundleDetector:
    return BundleDetector.load(place / "live.model")


@pytest.fixture
def source(tmp_path: Path) -> LiveModelSource:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.open(url).close()
    return LiveModelSource(VEIL, url)


def _model(path: Path) -> LiveModel:
    return LiveModel(bundle_digest(path), path, path.stem)


async def _until_kept(shadow: Shadow, source: LiveModelSource, url: str) -> tuple:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        await shadow.keep(source)
        with Ledger.open(url, create=False) as ledger:
            kept = AgreementBook(ledger).kept()
        if kept and kept[0].agreement.frames:
            return kept
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was kept within 60 s")


def _run(place: Path, live: BundleDetector, source: LiveModelSource, name: str, tmp_path: Path) -> tuple:
    async def scene() -> tuple:
        shadow = Shadow(DetectionSettings(), DetectorMetrics())
        follow = asyncio.create_task(shadow.follow())
        await shadow.take(_model(place / name), live.about)
        detections = live.detect(_BLOCKS)
        shadow.offer(_BLOCKS, detections, live.about)
        shadow.offer(_BLOCKS, detections, live.about)  # it is busy
        await asyncio.sleep(0)
        kept = await _until_kept(shadow, source, f"sqlite:///{tmp_path / 'ledger.db'}")
        follow.cancel()
        return kept

    return asyncio.run(scene())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let counts be kept as soon as there are all."""
    monkeypatch.setattr("actors.shadow._KEEP_S", 1.0)


def test_a_model_of_the_same_weights_agrees_on_every_frame(place, live, source, tmp_path):
    (kept,) = _run(place, live, source, "twin.model", tmp_path)
    agreement = kept.agreement
    assert (agreement.frames, agreement.alike, agreement.passed_over) == (9, 9, 9)
    assert agreement.total.both == sum(len(frame) for block in live.detect(_BLOCKS) for frame in block) > 0
    assert agreement.total.share == 1
    assert (kept.shadow_id, kept.live_id) == (bundle_digest(place / "twin.model"), live.about.model_id)


def test_another_model_disagrees_and_may_know_a_class_more(place, live, source, tmp_path):
    (kept,) = _run(place, live, source, "more.model", tmp_path)
    assert kept.agreement.frames == 9
    assert kept.agreement.alike < 9
    assert kept.agreement.total.live_alone > 0
    assert kept.agreement.classes["drill"].both == kept.agreement.classes["drill"].live_alone == 0


def test_a_shadow_that_was_altered_or_cannot_be_read_does_not_run(place, live, tmp_path, caplog):
    async def scene() -> None:
        shadow = Shadow(DetectionSettings(), DetectorMetrics())
        for wanted, words in (
            (LiveModel("0" * 64, place / "other.model", "altered"), "was altered"),
            (LiveModel("1" * 64, place / "gone.model", "gone"), "No such file"),
        ):
            for _ in range(3):
                await shadow.take(wanted, live.about)
            lines = [record.message for record in caplog.records if wanted.label in record.message]
            assert len(lines) == 1, "said once, and left alone for a while"
            assert words in lines[0]
            shadow.offer(_BLOCKS, [], live.about)  # nothing runs that could compare

    asyncio.run(scene())
