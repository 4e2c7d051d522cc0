"""Views as a file says them and a plan keeps them: what cannot be is one line, and what was veiled stays."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from raypp.edge.cameras_file import CameraSettings, SiteCameras
from raypp.errors import ConflictError, KeyFileError, OptionError
from raypp.ingest.job import open_job
from raypp.ingest.plan_file import PLAN_FILE, load_plan
from raypp.ingest.source_views import _Camera, load_views
from raypp.progress import SILENT
from raypp.shards.verification import verify
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from raypp.veil.spec import PatchSpec
from tests.command import archive_bytes
from tests.ingest.views import VIEWS, settings_of, veil
from tests.videos import make_video


@pytest.mark.parametrize(
    ("views", "says"),
    [
        (None, "view right of site/gate was planned before, and `views_path` has none of that name; give the same"),
        (VIEWS.replace("right:", "hands:"), "view right of site/gate was planned before, and `views_path` has none"),
        (VIEWS.replace("0.25, 1, 1", "0.3, 1, 1"), "view right of site/gate was planned before, as another part;"),
        (VIEWS.replace("  tools", "    whole: false\n  tools"), "frames of site/gate were planned whole; leave out"),
    ],
)
def test_a_view_that_goes_or_changes_is_refused(
    views: str | None, says: str, place: Path, out: Path, tmp_path: Path
) -> None:
    before = archive_bytes(out)
    settings = settings_of(place, out).model_copy(update={"views_path": None})
    if views is not None:
        (tmp_path / "views.yaml").write_text(views)
        settings = settings.model_copy(update={"views_path": tmp_path / "views.yaml"})
    with pytest.raises(ConflictError) as error, open_job(settings, [str(place / "in")], SILENT):
        pass
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert archive_bytes(out) == before


@pytest.mark.parametrize(
    ("views", "masks", "says"),
    [
        (
            "cameras: {hall: {views: {a: [0, 0, 1, 1]}}}",
            None,
            "has views for hall, but the cameras are site/gate, site",
        ),
        ("cameras: {other/gate: {views: {a: [0, 0, 1, 1]}}}", None, "has views for other/gate, but the cameras are"),
        (VIEWS, '{"gate.right": [[[0, 0], [1, 0], [1, 1]]]}', "a mask for the view gate.right; draw it on the whole"),
        (VIEWS, '{"site/gate.right": [[[0, 0], [1, 0], [1, 1]]]}', "for gate: it holds in the camera's views"),
    ],
)
def test_names_of_no_camera_are_refused(views: str, masks: str | None, says: str, place: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {}
    if masks is not None:
        (tmp_path / "masks.json").write_text(masks)
        options["masks_path"] = tmp_path / "masks.json"
    settings = settings_of(place, tmp_path / "out", views, **options)
    with pytest.raises(OptionError) as error, open_job(settings, [str(place / "in")], SILENT):
        pass
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_view_with_the_name_of_another_camera_is_refused(place: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "gate" / "a.mp4", seconds=0.5)
    make_video(tmp_path / "in" / "gate.cam" / "b.mp4", seconds=0.5, seed=1)
    settings = settings_of(place, tmp_path / "out", "cameras: {gate: {views: {cam: [0, 0, 1, 1]}}}", masks_path=None)
    with (
        pytest.raises(OptionError, match=r"camera gate and camera gate\.cam would both have a stream gate\.cam"),
        open_job(settings, [str(tmp_path / "in")], SILENT),
    ):
        pass


def test_a_source_in_which_a_view_is_too_small_is_quarantined_before_any_work(place: Path, tmp_path: Path) -> None:
    views = "cameras:\n  gate:\n    views: {hands: [0.9, 0, 1, 1]}\n  tools:\n    views: {hands: [0, 0, 0.2, 1]}\n"
    settings = settings_of(place, tmp_path / "out", views)
    summary = veil(settings, place / "in")
    assert (summary.sources, summary.frames, len(summary.quarantined)) == (0, 0, 7)
    video = next(source for source in summary.quarantined if source.source.endswith("video.mp4"))
    assert video.reason == (
        "view gate.hands is 16x96 pixels of 160x96, must be at least 32 each way; enlarge it in `views`, or if frames "
        "of this camera are veiled already, veil it as another `camera`"
    )
    larger = views.replace("0.9", "0.5").replace("0.2", "0.5")
    assert veil(settings_of(place, tmp_path / "out", larger), place / "in").views == 26
    more = larger.replace("views: {", "views: {small: [0, 0, 0.15, 0.2], ")
    added = veil(settings_of(place, tmp_path / "out", more), place / "in")
    assert (added.sources, added.views) == (7, 26)
    assert {source.reason.partition(" is ")[0] for source in added.quarantined} == {
        "view gate.small", "view tools.small",
    }  # fmt: skip
    assert verify(str(tmp_path / "out")).problems == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cameras: {gate: {views: {a: [0.5, 0, 1.2, 1]}}}", "leaves the frame"),
        ("cameras: {gate: {views: {a: [0.5, 0, 0.51, 1]}}}", "is too small"),
        ("cameras: {gate: {views: {a: 5}}}", "must be [left, top, right, bottom]"),
        ("cameras: {gate: {views: {'a b': [0, 0, 1, 1]}}}", "view 'a b': a name is"),
        ("cameras: {gate: {view: {a: [0, 0, 1, 1]}}}", "view is not known; did you mean views?"),
        ("cameras: {gate: {whole: false}}", "leaves nothing to veil"),
        ("gate: {views: {a: [0, 0, 1, 1]}}", "cameras is missing"),
        ("cameras: [", "is no YAML"),
    ],
)
def test_a_file_that_is_none_is_told_in_its_own_words(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "views.yaml").write_text(text)
    with pytest.raises(OptionError, match=r"views file .*views\.yaml.*see docs/how-to/views\.md") as error:
        load_views(tmp_path / "views.yaml")
    assert says in str(error.value)


def test_the_cameras_file_of_the_agent_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(
        "cameras:\n  gate:\n    source: rtsp://user:secret@10.0.0.5/1\n    fps: 1/5\n    watch: {covered: true}\n"
        "    views: {b: [0.5, 0, 1, 1], a: [0, 0, 0.5, 1]}\n    whole: false\n  hall: {source: /videos}\n"
    )
    views = load_views(path)
    camera = SiteCameras.load(path).cameras["gate"]
    stated = views.for_camera("plant", "gate")
    assert dict(stated.views) == dict(camera.views)
    assert stated.whole is camera.whole is False
    assert "secret" not in repr(views)
    assert views.strangers([("plant", "hall")]) == ["gate"], "none of the sources has views"
    assert CameraSettings.model_fields.keys() == _Camera.model_fields.keys()


def test_a_camera_that_the_agent_streams_may_have_no_source_here(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    part = "views: {a: [0, 0, 1, 1]}"
    path.write_text(f"cameras: {{gate: {{source: /a, {part}}}, hall: {{source: /b, {part}}}, bnech: {{{part}}}}}\n")
    assert load_views(path).strangers([("plant", "gate")]) == ["bnech"]


def test_the_most_specific_name_counts(tmp_path: Path) -> None:
    path = tmp_path / "views.yaml"
    path.write_text(
        "cameras: {007: {views: {a: [0, 0, 1, 1]}}, b/007: {views: {b: [0, 0, 1, 1]}}, '*': {views: {c: [0, 0, 1, 1]}}}"
    )
    views = load_views(path)
    cameras = [("a", "007"), ("b", "007"), ("b", "gate")]
    assert [list(views.for_camera(*camera).views) for camera in cameras] == [["a"], ["b"], ["c"]]


def test_a_plan_has_views_in_columns_and_is_of_the_old_version_without(place: Path, out: Path, tmp_path: Path) -> None:
    plan = load_plan(Path(f"{out}-private"))
    assert len(plan.sources.column("views").combine_chunks().dictionary) == 2
    assert {name: view.rectangle is not None for name, view in plan.views().items()} == {
        ("site", "gate.right"): True, ("site", "tools.corner"): True,
    }  # fmt: skip
    veil(settings_of(place, tmp_path / "plain", None), place / "in")
    plain = pq.read_schema(tmp_path / "plain-private" / PLAN_FILE)
    assert b'"version": 2' in plain.metadata[b"raypp plan"]
    assert "views" not in plain.names
    assert b'"version": 3' in pq.read_schema(Path(f"{out}-private") / PLAN_FILE).metadata[b"raypp plan"]


def test_a_site_key_names_the_view_that_it_cannot_veil(place: Path, tmp_path: Path) -> None:
    key = SiteKey.derive_from(VeilKey(bytes(32)), PatchSpec(), "site", ["gate"])
    save_site_key(key, tmp_path / "site.key")
    settings = settings_of(place, tmp_path / "out", VIEWS.partition("  tools")[0], masks_path=None, camera="gate")
    settings = settings.model_copy(update={"key_path": tmp_path / "site.key"})
    with pytest.raises(KeyFileError, match=r"cannot veil camera gate\.right of site site; name one of its cameras"):
        veil(settings, place / "in" / "gate")
    assert veil(settings.model_copy(update={"views_path": None}), place / "in" / "gate").segments_veiled


def test_without_its_plan_an_archive_takes_no_source_a_second_time(place: Path, tmp_path: Path) -> None:
    out, source = tmp_path / "out", place / "in" / "gate"
    options: dict[str, Any] = {"masks_path": None, "camera": "gate"}
    gate = VIEWS.partition("  tools")[0]
    alone = settings_of(place, out, None, **options)
    first = veil(alone, source)
    plan = alone.private / PLAN_FILE
    plan.unlink()
    assert veil(alone, source).segments_skipped == first.segments_veiled, "the same plan comes out of the same sources"
    veil(settings_of(place, out, gate, **options), source)
    kept = plan.read_bytes()
    plan.unlink()
    with pytest.raises(
        ConflictError, match=r"holds \d+ of these sources by a plan that .* has lost.*; restore .*-private"
    ):
        veil(settings_of(place, out, gate, **options), source)
    plan.write_bytes(kept)
    assert not veil(settings_of(place, out, gate, **options), source).segments_veiled
