"""Views of a camera: parts of its frames, each a stream of its own, from one decoding."""

from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from raypp.edge.cameras_file import CameraSettings, SiteCameras
from raypp.edge.capture import recordings
from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.capture.frame_encoder import FrameEncoder
from raypp.edge.capture.job import CapturedView, CaptureJob, CaptureReport, Chunk, Finished, SourceShape, Taken
from raypp.edge.capture.position import Position
from raypp.edge.capture.recordings import RecordingsCapture
from raypp.edge.capture.reporting import CaptureReporter
from raypp.edge.configuration.state import FOLDER
from raypp.edge.settings import AgentSettings
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import MediaError, OptionError
from raypp.execution import ExecutionSettings, On
from raypp.geometry.letterbox import Letterbox
from raypp.geometry.rectangle import Rectangle
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.media.frame import PADDING
from raypp.media.masks import Mask
from raypp.media.orientation import Orientation
from raypp.media.rendering import CropRenderer, Renderer
from raypp.shards.archive import open_frames
from raypp.shards.reader import ShardReader
from raypp.usage.observation import Observation
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_owner_key, save_site_key
from raypp.veil.patch import PatchEncoder
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import open_veil
from tests.edge.conftest import SITE
from tests.edge.live_camera import LiveCamera
from tests.edge.service import wait_until
from tests.media.videos import HEIGHT, WIDTH, joined
from tests.videos import make_video

_OPEN = []
_RIGHT = Rectangle(0.5, 0.25, 1.0, 0.75)


def _views_key(site, *views: str) -> None:
    """Give the site a key for its cameras and some views."""
    key = SiteKey.derive_from(VeilKey(bytes(range(32))), PatchSpec(), SITE, ["bench-1", "bench-2", *views])
    site.key_path.unlink()
    save_site_key(key, site.key_path)


def _decoded(video: Path) -> list[VideoFrame]:
    with av.open(str(video)) as container:
        return list(container.decode(video=0))


def _codes(camera: str, windows: list[np.ndarray]) -> list[np.ndarray]:
    veil = open_veil(PatchSpec(), VeilKey(bytes(range(32))), None)
    encoder = veil.stream(SITE, camera)
    assert isinstance(encoder, PatchEncoder)
    return [encoder.encode(window[None])[0] for window in windows]


def test_a_view_is_the_crop_of_each_decoded_frame_at_the_whole_size(site, service):
    """Checked against the veil of the same pixels, cut by hand; the whole frame's codes are what they were."""
    video = make_video(site.folder / "video.mp4", width=320, height=240, seconds=2)
    _views_key(site, "bench-1.right")
    camera = CameraSettings(source=(str(video),), fps="every", watch=None, views={"right": [0.5, 0.25, 1.0, 0.75]})
    status = site.agent_here(service.address, {"bench-1": camera}).wait()
    (whole,), (right,) = service.of("bench-1"), service.of("bench-1.right")
    assert whole.ended
    assert right.ended
    assert (right.opened.width, right.opened.height) == (160, 120)
    assert whole.frames == right.frames
    assert {name: state.captured for name, state in status.cameras.items()} == {"bench-1": 20, "bench-1.right": 20}
    frames = _decoded(video)
    cut = [frame.to_ndarray(format="rgb24")[60:180, 160:320] for frame in frames]
    for index, code in enumerate(_codes("bench-1.right", cut)):
        assert np.array_equal(right.codes[index], code)
    render = Renderer(Letterbox(160, 8, 320, 240), Orientation(), None)
    for index, code in enumerate(_codes("bench-1", [render(frame) for frame in frames])):
        assert np.array_equal(whole.codes[index], code)


def test_an_archive_of_the_same_cameras_file_has_the_codes_of_the_stream(site, service, tmp_path):
    video = make_video(site.folder / "bench-1" / "video.mp4", width=320, height=240, seconds=2)
    _views_key(site, "bench-1.right")
    config, masks = site.folder / "cameras.yaml", tmp_path / "masks.yaml"
    config.write_text(
        f"cameras:\n  bench-1:\n    source: {video}\n    fps: every\n    watch: false\n"
        "    views: {right: [0.4, 0.25, 1.0, 0.8]}\n"
    )
    masks.write_text("bench-1: [[[0.5, 0.4], [0.7, 0.4], [0.6, 0.6]]]\n")
    site.agent_here(service.address, SiteCameras.load(config).cameras, masks_path=masks).wait()
    save_owner_key(VeilKey(bytes(range(32))), tmp_path / "owner.key")
    settings = VeilSettings(
        out=str(tmp_path / "out"), key_path=tmp_path / "owner.key", size=160, site=SITE, camera="bench-1",
        views_path=config, masks_path=masks,
    )  # fmt: skip
    run_veil(settings, [str(video)], ExecutionSettings(on=On.LOCAL))
    frames = list(open_frames(ShardReader(settings.out)))
    for camera in ("bench-1", "bench-1.right"):
        (stream,), rows = service.of(camera), [frame for frame in frames if frame.camera == camera]
        assert len(stream.codes) == len(rows) == 20
        assert {(stream.opened.sub_key, stream.opened.width, stream.opened.height)} == {
            (frame.sub_key, frame.width, frame.height) for frame in rows
        }
        for frame, (index, code) in zip(rows, sorted(stream.codes.items()), strict=True):
            assert np.array_equal(frame.codes_CRW, code), (camera, index)


def test_views_alone_need_no_key_for_the_camera_itself(site, service):
    video = make_video(site.folder / "video.mp4", seconds=1)
    key = SiteKey.derive_from(VeilKey(bytes(range(32))), PatchSpec(), SITE, ["gate.left", "gate.right"])
    site.key_path.unlink()
    save_site_key(key, site.key_path)
    views = {"left": [0, 0, 0.5, 1], "right": [0.5, 0, 1, 1]}
    camera = CameraSettings(source=(str(video),), fps="every", views=views, whole=False)
    site.agent_here(service.address, {"gate": camera}).wait()
    assert not service.of("gate")
    assert len(service.of("gate.left")[0].frames) == len(service.of("gate.right")[0].frames) == 10
    spools = {path.name for path in site.spool.iterdir() if path.is_dir()} - {FOLDER}
    assert spools == {"gate.left", "gate.right"}


def test_a_live_camera_gives_all_views_the_same_frames(site, service, tmp_path):
    _views_key(site, "bench-1.right")
    config = site.folder / "cameras.yaml"
    with LiveCamera(make_video(tmp_path / "video.mp4", seconds=60)) as camera:
        config.write_text(
            f"cameras:\n  bench-1:\n    source: {camera.url}\n    fps: 10\n    views: {{right: [0.5, 0, 1, 1]}}\n"
        )
        process = site.agent(service.address, "--config", config, "--chunk-frames", 2)
        wait_until(lambda: service.of("bench-1.right") and len(service.of("bench-1.right")[0].frames) >= 8)
        process.terminate()
        assert process.wait(60) == 0
    (whole,), (right,) = service.of("bench-1"), service.of("bench-1.right")
    most = min(len(whole.frames), len(right.frames))
    assert whole.frames[:most] == right.frames[:most]


def test_views_come_and_go_with_the_file(site, service):
    video = make_video(site.folder / "video.mp4", seconds=60)
    _views_key(site, "bench-1.left", "bench-1.right")
    config = site.folder / "cameras.yaml"
    entry = f"cameras:\n  bench-1:\n    source: {video}\n    fps: every\n    realtime: true\n    views: "
    config.write_text(entry + "{left: [0, 0, 0.5, 1]}\n")
    agent = site.agent_here(service.address, SiteCameras.load(config).cameras, config, chunk_frames=2)
    wait_until(lambda: service.of("bench-1.left") and service.of("bench-1.left")[0].committed > 2)
    config.write_text(entry + "{right: [0.5, 0, 1, 1]}\n")
    wait_until(lambda: service.of("bench-1.left")[0].ended)
    wait_until(lambda: service.of("bench-1.right") and service.of("bench-1.right")[0].committed > 2)
    wait_until(lambda: "bench-1.left" not in agent._agent.status().cameras)
    agent.stop()
    whole, right = service.of("bench-1")[0].frames, service.of("bench-1.right")[0].frames
    assert [index for index, _, _ in whole] == list(range(len(whole)))
    assert [index for index, _, _ in right] == list(range(len(right)))  # a view that is added has the whole recording


@pytest.fixture
def job(tmp_path: Path) -> CaptureJob:
    """A camera with two views, whose frames change their size midway."""
    save_owner_key(VeilKey(bytes(range(32))), tmp_path / "owner.key")
    video = joined("cam.ts", tmp_path, back_s=0, second=(HEIGHT, WIDTH))
    return CaptureJob(
        site="plant-1", camera="gate", sources=(str(video),), live=False, rate=None, realtime=False, time_from=None,
        timezone="UTC", masks_path=None, key_path=tmp_path / "owner.key", spec=PatchSpec(), encoder_path=None, size=64,
        watch=CameraHealthSettings(covered=False), chunk_frames=7, chunk_s=60, position=Position(),
        parts=(
            CapturedView("gate.right", Rectangle(0.2, 0.15, 1, 0.95)),
            CapturedView("gate.left", Rectangle(0, 0, 0.7, 0.8)),
        ),
    )  # fmt: skip


def _reports(job: CaptureJob) -> list[CaptureReport]:
    ours, theirs = Pipe()
    _OPEN.append(ours)  # a capture whose agent is gone ends its process, which here is the tests'
    reports: list[CaptureReport] = []

    def take() -> None:
        while sum(isinstance(report, Finished) for report in reports) < len(job.views):
            reports.append(ours.recv())
            if isinstance(reports[-1], Chunk):
                ours.send(Taken())

    taking = Thread(target=take, daemon=True)
    taking.start()
    RecordingsCapture(job, FrameEncoder(job), CaptureReporter(theirs, job.chunk_frames, job.chunk_s)).run()
    taking.join(30)
    assert not taking.is_alive()
    return reports


def _of(reports: list[CaptureReport], view: int, kind: type) -> list:
    return [report for report in reports if isinstance(report, kind) and report.view == view]


def test_after_a_kill_between_views_each_goes_on_at_its_own_next_frame(job: CaptureJob, monkeypatch) -> None:
    opened = []
    real = recordings.decode_as
    monkeypatch.setattr(recordings, "decode_as", lambda *given, **more: opened.append(1) or real(*given, **more))
    calm = _reports(job)
    assert len(opened) == 1, "a recording is decoded once for all views"
    frames = [[frame for chunk in _of(calm, view, Chunk) for frame in chunk.frames] for view in range(3)]
    assert [len(own) for own in frames] == [90, 90, 90]
    assert len({own[0].packed for own in frames} - {None}) == 3
    # before and after the change of size, one view ahead of the other by more than that, and one that is new
    for stopped in ((3, 3, 2), (9, 6, 8), (13, 2, 0), (0, 5, 13)):
        chunks = [_of(calm, view, Chunk)[:count] for view, count in enumerate(stopped)]
        again = _reports(job.at([own[-1].position if own else Position() for own in chunks]))
        for view, own in enumerate(chunks):
            before = [frame for chunk in own for frame in chunk.frames]
            after = [frame for chunk in _of(again, view, Chunk) for frame in chunk.frames]
            assert before + after == frames[view]
            shapes = {(shape.width, shape.height): 1 for shape in _of(again, view, SourceShape)}
            calm_shapes = {(shape.width, shape.height): 1 for shape in _of(calm, view, SourceShape)}
            assert list(shapes) == list(calm_shapes)[-len(shapes) :], "no view is told a shape that it has passed"
            assert _of(again, view, Finished)[0].position == _of(calm, view, Finished)[0].position


def test_other_recordings_begin_each_view_anew(job: CaptureJob) -> None:
    gone = Position(source="/gone.mp4", last_index=4, last_us=9)
    shapes = [report for report in _reports(job.at([gone, Position(), gone])) if isinstance(report, SourceShape)]
    assert [(shape.view, shape.anew) for shape in shapes[:3]] == [(0, True), (1, False), (2, True)]


def test_nothing_below_a_mask_or_beside_a_view_reaches_its_window():
    """Twice the same frame, but for what may not be seen: the windows do not differ by a bit, at any scale."""
    random = np.random.default_rng(7)
    mask = Mask((((0.5, 0.3), (0.62, 0.3), (0.62, 0.45), (0.5, 0.45)),))
    seen = random.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    other = seen.copy()
    other[29:43, 64:79] = random.integers(0, 256, (14, 15, 3))
    other[:24], other[72:], other[:, :64] = 3, 4, 5  # beside the view
    for size in (24, 64, 200):
        box = Letterbox(size, 8, *_RIGHT.shape(128, 96))
        render = CropRenderer([(_RIGHT, box)], Orientation(), mask)
        (first,), (second,) = (render(VideoFrame.from_ndarray(pixels, format="rgb24")) for pixels in (seen, other))
        assert np.array_equal(first, second)
        assert (first == PADDING).all(axis=2).sum() > 0.02 * size * size / 2
        assert len(np.unique(first)) > 50


def test_a_turned_frame_is_cut_as_it_is_shown():
    pixels = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    orientation = Orientation(90)
    upright = np.rot90(pixels)
    part = Rectangle(0, 0.5, 0.8, 1)
    box = Letterbox(48, 8, *part.shape(60, 80))
    (window,) = CropRenderer([(part, box)], orientation, None)(VideoFrame.from_ndarray(pixels, format="rgb24"))
    assert np.array_equal(window[:40, :48], upright[40:80, :48])


def test_the_watch_of_the_whole_frame_holds_for_its_views(job: CaptureJob):
    encoder = FrameEncoder(replace(job, whole=False, watch=CameraHealthSettings()))
    black = encoder.see(VideoFrame.from_ndarray(np.zeros((96, 128, 3), np.uint8), format="rgb24"), Orientation())
    encoder.begin(128, 96)
    observation = encoder.watch(black, 0)
    assert observation is Observation.COVERED
    assert encoder.capture(1, black, observation, 0, 0).packed is None


@pytest.mark.parametrize(
    ("views", "says"),
    [
        ("{right: [0.5, 0, 1.2, 1]}", "leaves the frame"),
        ("{right: [0.5, 0, .nan, 1]}", "leaves the frame"),
        ("{right: [0.5, 0, 0.51, 1]}", "is too small"),
        ("{right: [0.9, 0, 0.1, 1]}", "is too small"),
        ("{right: [0.5, 0, 1]}", "must be [left, top, right, bottom]"),
        ("{right: 5}", "must be [left, top, right, bottom]"),
        ("{'a b': [0, 0, 1, 1]}", "view 'a b': a name is"),
        ("{a: [0, 0, 1, 1], a: [0, 0, 0.5, 1]}", "stands twice"),
        ("{}\n    whole: false", "leaves nothing to veil"),
        ("{" + ", ".join(f"v{number}: [0, 0, 1, 1]" for number in range(17)) + "}", "must have at most 16 items"),
    ],
)
def test_a_view_that_cannot_be_is_told_in_one_line(tmp_path, views, says):
    config = tmp_path / "cameras.yaml"
    config.write_text(f"cameras:\n  gate:\n    source: /videos\n    views: {views}\n")
    with pytest.raises(OptionError) as error:
        SiteCameras.load(config)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_view_with_the_name_of_another_camera_is_refused(tmp_path):
    config = tmp_path / "cameras.yaml"
    config.write_text(
        "cameras:\n  gate:\n    source: /a\n    views: {cam: [0, 0, 1, 1]}\n  gate.cam:\n    source: /b\n"
    )
    with pytest.raises(OptionError, match=r"camera gate and camera gate\.cam would both have a stream gate\.cam"):
        SiteCameras.load(config)


def test_a_mask_for_a_view_is_refused(tmp_path):
    masks = tmp_path / "masks.yaml"
    masks.write_text("gate.cam: [[[0, 0], [1, 0], [1, 1]]]\n")
    settings = AgentSettings(SITE, ServiceConnection("127.0.0.1:1", masks), masks, tmp_path, masks_path=masks)
    with pytest.raises(OptionError, match=r"a mask for the view gate\.cam; draw it on the whole frame, for gate"):
        settings.check_masks({"gate": CameraSettings(source=("/a",), views={"cam": [0, 0, 1, 1]})})


def test_a_part_with_too_few_pixels_is_named(job: CaptureJob):
    encoder = FrameEncoder(job)
    with pytest.raises(MediaError, match=r"view gate.right is 32x30 pixels of 40x38, must be at least 32"):
        encoder.shapes(40, 38)
