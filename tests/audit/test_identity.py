"""Boxes of one person are told from codes by a recogniser that learnt from other people, and not from noise."""

from dataclasses import replace

import numpy as np
import pytest

from raypp.audit.attacks.identify.identity import BoxesAlone, BoxSubject, Recogniser, halves, trios_of
from raypp.audit.core.model import Adversary, AttackTarget, Case, DecideAttack, People
from raypp.audit.footage.people import together
from raypp.audit.footage.tracks import tracked
from raypp.audit.metrics import scores
from raypp.audit.metrics.measure import decided_row
from raypp.audit.targets import baselines
from raypp.audit.verdict.gates import INSIDER_IDENTITY, TRAINED_ON_FACES, Verdict, judge_gates
from raypp.errors import OptionError
from tests.audit.rows import decide, estimate, reconstruct

SIDE, PEOPLE, SEEN = 96, 8, 8


@pytest.fixture(scope="module")
def people() -> People:
    """Figures of a colour each, walking over a scene one after the other, under a camera's noise."""
    chance = np.random.default_rng(0)
    tracks = []
    for _ in range(PEOPLE):
        coat, legs = chance.integers(0, 256, (2, 3))
        track = []
        for step in range(SEEN):
            left, top = 8 + step * 6, int(chance.integers(12, 20))
            frame = chance.normal(120, 3, (SIDE, SIDE, 3))
            frame[top : top + 32, left : left + 24] = coat
            frame[top + 32 : top + 56, left : left + 24] = legs
            box = np.array([left, top, left + 24, top + 56], dtype=np.float32)
            track.append((0, step * 1_000_000, np.clip(frame, 0, 255).astype(np.uint8), box))
        tracks.append(track)
    drawn_people = together(tracks, "people")
    assert isinstance(drawn_people, People)
    return drawn_people


def auc_of(attack: DecideAttack, target: AttackTarget, people: People) -> float:
    case = Case(target, people.images, people.images, people=people)
    row = decided_row("weak", attack, case)
    assert row.auc is not None
    assert row.auc.low < row.auc.mean < row.auc.high or row.auc.mean == 1
    return row.auc.mean


def test_people_are_told_from_plain_images_not_from_noise_and_hardly_from_boxes(people: People) -> None:
    attack = Recogniser(BoxSubject.BODIES, 40)
    assert auc_of(attack, baselines.plain(), people) > 0.8
    assert 0.3 < auc_of(attack, baselines.noise(8, 4, 4, 1), people) < 0.7
    assert 0.3 < auc_of(BoxesAlone(BoxSubject.BODIES), baselines.plain(), people) < 0.7


def test_nobody_is_learnt_from_who_is_asked_about_and_pairs_are_a_second_apart(people: People) -> None:
    both = list(halves(people, 0))
    assert [set(learnt) | set(judged) for learnt, judged in both] == [set(range(PEOPLE))] * 2
    assert set(both[0][1]) == set(both[1][0])
    for learnt, judged in both:
        assert not set(learnt) & set(judged)
        for trio in trios_of(people, judged):
            first, same, other = (people.person_N[place] for place in (trio.first, trio.same, trio.other))
            assert first == same != other
            assert {int(first), int(other)} <= set(judged.tolist())
            assert abs(people.times_us_N[trio.first] - people.times_us_N[trio.same]) >= 1_000_000


def test_who_is_alone_in_a_video_is_only_learnt_from(people: People) -> None:
    alone = replace(people, video_N=(people.person_N == 0).astype(np.int64))
    assert all(0 in learnt and 0 not in judged for learnt, judged in halves(alone, 0))


def test_few_people_say_so(people: People) -> None:
    frame = people.images.frames[0]
    track = [(0, moment, frame, people.corners_N4[0].astype(np.float32)) for moment in (0, 2_000_000)]
    reason = together([track] * 3, "faces")
    assert reason == "of faces, 3 can be followed for 2 s in one video; it takes 4"
    assert isinstance(together([], "faces"), str)
    with pytest.raises(OptionError, match="needs people followed through a video"):
        Recogniser(BoxSubject.FACES).decide(Case(baselines.plain(), people.images, people.images))


def test_boxes_that_overlap_from_frame_to_frame_are_one_track_even_after_a_gap() -> None:
    left, right = np.array([0, 0, 10, 20.0]), np.array([50, 0, 60, 20.0])
    moved = left + np.array([3, 0, 3, 0])
    frames = [np.stack(some).astype(np.float32) for some in ([left, right], [right, moved], [right], [moved, right])]
    assert tracked(frames, [0, 200_000, 400_000, 600_000]) == [
        [(0, 0), (1, 1), (3, 0)],
        [(0, 1), (1, 0), (2, 0), (3, 1)],
    ]
    late = tracked([frames[0][:1], frames[0][:0], frames[0][:1]], [0, 1_000_000, 2_000_000])
    assert late == [[(0, 0)], [(2, 0)]]


def test_an_interval_over_few_people_is_wide_however_many_pairs_there_are() -> None:
    whose = np.repeat(np.arange(4), 50)
    auc = scores.auc_of_people(np.ones(200), np.zeros(200), whose)
    assert (auc.mean, auc.high) == (1, 1)
    assert auc.low < 0.75
    assert scores.auc(np.ones(200), np.zeros(200)).low > 0.97


def test_a_recogniser_of_veiled_faces_counts_for_the_insiders_gate_and_only_where_it_was_made() -> None:
    own = reconstruct("bridge", adversary=Adversary.INSIDER)
    faces = decide(TRAINED_ON_FACES, auc=0.8)

    def gate(*rows: object) -> tuple[Verdict, str]:
        insider_gate = next(
            candidate for candidate in judge_gates([reconstruct(), own, *rows]) if candidate.name == INSIDER_IDENTITY
        )  # type: ignore[list-item]
        return insider_gate.verdict, insider_gate.by

    assert gate(faces) == (Verdict.MISSED, TRAINED_ON_FACES)
    assert gate(faces.model_copy(update={"auc": estimate(0.52, spread=0.02)}))[0] is Verdict.MET
    assert gate(faces.model_copy(update={"control": None}))[0] is Verdict.NOT_EVALUATED
    assert gate(faces.model_copy(update={"auc": None, "reason": "too few"}))[0] is Verdict.MET
    assert gate(decide("recogniser trained on veiled bodies and clothes", auc=1.0))[0] is Verdict.MET
    assert Recogniser(BoxSubject.FACES).id.family == TRAINED_ON_FACES
