"""Identity: do two boxes of veiled frames show the same person? Learnt from codes, without any image reconstructed."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from raypp.audit.attacks.identify.matching import ranked
from raypp.audit.attacks.reconstruct.unet import as_planes
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Decisions, Floats, People, Ranks
from raypp.errors import OptionError

_APART_US = 1_000_000
_EACH = 40
"""Pairs of one person, and of that person and others, that are judged."""
_AT_ONCE = 8
"""Frames that are veiled at one time."""
_MOVES = 2
"""Cells, of a box resized, by which boxes are moved as it learns."""
_BATCH = 32
_WIDTH, _NUMBERS = 48, 64
_RATE, _WARMTH = 3e-3, 0.1


class BoxSubject(StrEnum):
    """Subject of boxes."""

    FACES = "faces"
    BODIES = "bodies and clothes"

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns that a box's codes are resized to."""
        return (8, 8) if self is BoxSubject.FACES else (16, 8)


@dataclass(frozen=True)
class Trio:
    """Places of boxes among people: one, another of the same person at another time, and one of somebody else."""

    first: int
    same: int
    other: int


@dataclass(frozen=True)
class Recogniser:
    """Learns from codes within boxes who is alike, and tells of people that it never saw which boxes are of one.

    A small convolutional network over the box's cells gives each box a direction, so that those of one person lie
    together (Khosla et al., Supervised contrastive learning, NeurIPS 2020). Half of the people are learnt from and the
    others told apart, and then the other way round. One person's boxes are taken a second or more apart; somebody
    else's is of the same video, and as far from the first in place and size as the same person's, as nearly as there is
    one, so that boxes alone tell little.

    Attributes:
        reading: what boxes are of.
        steps: of learning.
    """

    reading: BoxSubject
    steps: int = 300
    adversary: Adversary = Adversary.INSIDER

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return AttackId(family=f"recogniser trained on veiled {self.reading}")

    @property
    def knowledge(self) -> str:
        """Knowledge of the attacker."""
        return f"veiled frames with boxes of {self.reading}, and of half of the people which boxes show the same one"

    def decide(self, case: Case) -> Decisions:
        """Return how alike it finds boxes of one person, and of two; raises OptionError without people."""
        people = _people(case, self.id.name)
        boxes = _cut(case, people, self.reading)
        so, not_so, whose = [], [], []
        for half, (learnt, judged) in enumerate(halves(people, case.seed)):
            seen = _directions(boxes, people.person_N, learnt, self.steps, case.seed + half)
            trios = trios_of(people, judged)
            first, second = (_alike(seen, trios, of_one) for of_one in (True, False))
            # Two networks' likenesses are of no common scale; their ranks are.
            both = ranked(np.concatenate([first, second])[None])[0] / (2 * len(trios))
            so.append(both[: len(trios)])
            not_so.append(both[len(trios) :])
            whose.append(people.person_N[[trio.first for trio in trios]])
        return Decisions(np.concatenate(so), np.concatenate(not_so), np.concatenate(whose))


@dataclass(frozen=True)
class BoxesAlone:
    """Takes boxes of like place and size for one person's: what no veil can hide, where labels are published."""

    reading: BoxSubject
    adversary: Adversary = Adversary.INSIDER

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return AttackId(family="boxes alone", variant=f"of {self.reading}")

    @property
    def knowledge(self) -> str:
        """Knowledge of the attacker."""
        return f"places and sizes of boxes of {self.reading}"

    def decide(self, case: Case) -> Decisions:
        """Return how near boxes of one person are to each other, and of two; raises OptionError without people."""
        people = _people(case, self.id.name)
        trios = [trio for _, judged in halves(people, case.seed) for trio in trios_of(people, judged)]
        far = _far(people)
        so, not_so = (
            np.array([-far[trio.first, trio.same if of_one else trio.other] for trio in trios])
            for of_one in (True, False)
        )
        return Decisions(so, not_so, people.person_N[[trio.first for trio in trios]])


def halves(people: People, seed: int) -> Iterator[tuple[Ranks, Ranks]]:
    """Yield twice whom to learn from and whom to tell apart: half of each video's people, and then the others.

    Who is alone in a video is only learnt from.
    """
    chance = np.random.default_rng(seed)
    parts: tuple[list[int], list[int]] = ([], [])
    lonely: list[int] = []
    for video in np.unique(people.video_N):
        chosen = chance.permutation(np.unique(people.person_N[people.video_N == video])).tolist()
        cut = len(chosen) // 2
        if cut < 2:  # one to be told apart from whom
            lonely += chosen
            continue
        parts[0].extend(chosen[:cut])
        parts[1].extend(chosen[cut:])
    for learnt, judged in (parts, parts[::-1]):
        yield np.array([*learnt, *lonely]), np.array(judged)


def trios_of(people: People, chosen: Ranks) -> list[Trio]:
    """Return pairs to be judged: of each person the 40 whose boxes tell least, with somebody else's of these people."""
    far, kept = _far(people), []
    of_chosen = np.isin(people.person_N, chosen)
    for person in chosen:
        mine = np.flatnonzero(people.person_N == person)
        others = np.flatnonzero(of_chosen & (people.person_N != person) & (people.video_N == people.video_N[mine[0]]))
        trios, telling = [], []
        for first in mine:
            for same in mine[np.abs(people.times_us_N[mine] - people.times_us_N[first]) >= _APART_US]:
                away = np.abs(far[first, others] - far[first, same])
                trios.append(Trio(int(first), int(same), int(others[away.argmin()])))
                telling.append(away.min())
        kept += [trios[place] for place in np.argsort(telling, kind="stable")[:_EACH]]
    return kept


def _people(case: Case, name: str) -> People:
    if case.people is None:
        raise OptionError(f"{name} needs people followed through a video; name videos that show some")
    return case.people


def _far(people: People) -> Floats:
    """How far boxes are from one another in place and size, in shares of their size, float64[N, N]."""
    low, high = people.corners_N4[:, :2], people.corners_N4[:, 2:]
    places = np.concatenate([(low + high) / 2, high - low], axis=1)
    size = np.sqrt(np.prod(high - low, axis=1))
    away = np.abs(places[:, None] - places[None]).sum(axis=2)
    return np.asarray(away / np.sqrt(size[:, None] * size[None]))


def _alike(seen_ND: Floats, trios: list[Trio], of_one: bool) -> Floats:
    return np.array([seen_ND[trio.first] @ seen_ND[trio.same if of_one else trio.other] for trio in trios])


@torch.inference_mode()
def _cut(case: Case, people: People, reading: BoxSubject) -> Tensor:
    """Codes within boxes and a margin around them, resized, as planes: float[N, F, rows + 2, columns + 2]."""
    from torchvision.ops import roi_align  # type: ignore[import-untyped] # noqa: PLC0415 - takes as long as torch itself

    rows, columns = reading.cells
    low, high = people.corners_N4[:, :2], people.corners_N4[:, 2:]
    margin = (high - low) * (_MOVES / 2) / np.array([columns, rows])
    corners = np.concatenate([low - margin, high + margin], axis=1) / case.target.patch
    planes, regions_of_batches = None, []
    for start in range(0, len(corners), _AT_ONCE):
        places = range(start, min(start + _AT_ONCE, len(corners)))
        codes = case.target.encode(people.images.take(places))
        planes = planes or as_planes(case.target, codes)
        boxes = torch.from_numpy(corners[start : places.stop]).float()
        regions = torch.cat([torch.arange(len(boxes))[:, None].float(), boxes], 1)
        regions_of_batches.append(
            roi_align(planes(codes), regions, (rows + _MOVES, columns + _MOVES), sampling_ratio=2, aligned=True)
        )
    return torch.cat(regions_of_batches)


class _Embedding(nn.Module):
    """From planes of a box to a direction, float[N, 64] of length 1."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_layer(inputs, _WIDTH, 1, 1), *_layer(_WIDTH, _WIDTH, 3, 2), *_layer(_WIDTH, 2 * _WIDTH, 3, 2)
        )
        self.out = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(2 * _WIDTH, _NUMBERS)
        )

    def forward(self, planes_NFRC: Tensor) -> Tensor:
        return functional.normalize(self.out(self.layers(planes_NFRC)), dim=1)


def _layer(inputs: int, outputs: int, side: int, stride: int) -> tuple[nn.Module, ...]:
    return (nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False), nn.BatchNorm2d(outputs), nn.SiLU())


def _directions(boxes_NFRC: Tensor, person_N: Ranks, learnt: Ranks, steps: int, seed: int) -> Floats:
    """Learn from some people's boxes, and return the directions of all, float64[N, 64]."""
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    net = _Embedding(boxes_NFRC.shape[1])
    optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    of_each = [np.flatnonzero(person_N == person) for person in learnt]
    height, width = (side - _MOVES for side in boxes_NFRC.shape[2:])
    for _ in range(steps):
        few = [of_each[place] for place in chance.permutation(len(of_each))[: _BATCH // 4]]
        batch = np.concatenate([chance.choice(places, max(4, _BATCH // len(few))) for places in few])
        moves = chance.integers(0, _MOVES + 1, (len(batch), 2)).tolist()
        moved = [
            boxes_NFRC[place, :, down : down + height, right : right + width]
            for place, (down, right) in zip(batch.tolist(), moves, strict=True)
        ]
        loss = _told_apart(net(torch.stack(moved)), torch.from_numpy(person_N[batch]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    net.eval()
    middle = slice(_MOVES // 2, -(_MOVES // 2))
    with torch.inference_mode():
        directions: Floats = net(boxes_NFRC[:, :, middle, middle]).double().numpy()
    return directions


def _told_apart(directions_ND: Tensor, person_N: Tensor) -> Tensor:
    """Cross entropy of finding, among all others of the batch, those of the same person."""
    itself = torch.eye(len(person_N), dtype=torch.bool)
    likeness = (directions_ND @ directions_ND.T / _WARMTH).masked_fill(itself, -1e9)
    same = (person_N[:, None] == person_N) & ~itself
    loss: Tensor = -(functional.log_softmax(likeness, 1) * same).sum() / same.sum()
    return loss
