"""The sample archive: the same by seed, with exact truth, and not to be had by size and colour alone."""

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from raypp.demo.workshop.sample import Sample, SampleVideo, make_sample
from raypp.demo.workshop.tools import CLASSES
from raypp.media.sidecar import read_sidecar


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sample"), seed=3, sites=1, seconds=16)


def _frames(video: SampleVideo) -> list[np.ndarray]:
    with av.open(str(video.path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _timeline(video: SampleVideo) -> list[dict[str, str]]:
    return list(csv.DictReader(video.timeline_path.read_text().splitlines()))


def test_the_same_seed_gives_the_same_truth_and_images(tmp_path: Path) -> None:
    (first,) = make_sample(tmp_path / "first", seed=3, sites=1, seconds=4).videos
    (again,) = make_sample(tmp_path / "again", seed=3, sites=1, seconds=4).videos
    assert again.labels_path.read_bytes() == first.labels_path.read_bytes()
    assert again.timeline_path.read_bytes() == first.timeline_path.read_bytes()
    assert all((a == b).all() for a, b in zip(_frames(first), _frames(again), strict=True))
    (other,) = make_sample(tmp_path / "other", seed=4, sites=1, seconds=4).videos
    assert other.labels_path.read_bytes() != first.labels_path.read_bytes()


def test_every_frame_is_labelled_with_boxes_inside_the_image(sample: Sample) -> None:
    (video,) = sample.videos
    sidecar = read_sidecar(video.labels_path.read_text(), str(video.labels_path))
    assert sidecar.times_us == tuple(range(0, 16_000_000, 100_000))
    assert len(_frames(video)) == video.frames == 160
    assert sidecar.classes == set(CLASSES)
    boxes = [box for moment in sidecar.boxes for _, box in moment]
    assert len(boxes) > 4 * video.frames
    longest = [max(box.w * 640, box.h * 360) for box in boxes]
    assert 40 < np.median(longest) < 170


def test_a_tool_in_use_moves(sample: Sample) -> None:
    (video,) = sample.videos
    used = {row["instance"]: (float(row["start_s"]), float(row["end_s"])) for row in _timeline(video)}
    assert used
    sidecar = read_sidecar(video.labels_path.read_text(), "sample")
    classes = [name for moment in sidecar.boxes[:1] for name, _ in moment]
    once = [name for name in classes if classes.count(name) == 1]
    for row in _timeline(video):
        if row["tool"] not in once:
            continue
        start, end = float(row["start_s"]), float(row["end_s"])
        places = {
            round(box.x, 3)
            for time_us, moment in zip(sidecar.times_us, sidecar.boxes, strict=True)
            for name, box in moment
            if name == row["tool"] and start < time_us / 1e6 < end
        }
        assert len(places) > 5


@pytest.mark.slow
def test_size_and_mean_colour_do_not_tell_the_classes_apart(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression  # take a second, in each process that collects tests
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features: list[list[list[float]]] = []
    classes: list[list[int]] = []
    for seed in range(12):
        (video,) = make_sample(tmp_path / str(seed), seed=100 + seed, sites=1, seconds=10, fps=2).videos
        sidecar = read_sidecar(video.labels_path.read_text(), "sample")
        rows: list[list[float]] = []
        names: list[int] = []
        for image, moment in zip(_frames(video), sidecar.boxes, strict=True):
            for name, box in moment:
                left, top = int((box.x - box.w / 2) * 640), int((box.y - box.h / 2) * 360)
                right, bottom = int((box.x + box.w / 2) * 640) + 1, int((box.y + box.h / 2) * 360) + 1
                colour = image[top:bottom, left:right].reshape(-1, 3).mean(axis=0)
                rows.append([box.w, box.h, box.w * box.h, box.w / box.h, *colour])
                names.append(CLASSES.index(name))
        features.append(rows)
        classes.append(names)
    right = total = 0
    for held_out in range(len(features)):
        train_x = [row for index, rows in enumerate(features) if index != held_out for row in rows]
        train_y = [name for index, names in enumerate(classes) if index != held_out for name in names]
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(train_x, train_y)
        right += int((model.predict(features[held_out]) == np.array(classes[held_out])).sum())
        total += len(classes[held_out])
    accuracy = right / total
    print(f"logistic regression on size and mean colour: {accuracy:.2f} of {total}")
    assert accuracy <= 0.5
