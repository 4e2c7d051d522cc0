"""Search in reconstructed images for the faces and the words that recognisers find on the originals."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from raypp.audit.core.model import Frames, Images
from raypp.audit.core.recognised import (
    NO_FACE,
    FaceFigures,
    Planted,
    Recognised,
    TextFigures,
    Verification,
)
from raypp.audit.metrics import scores
from raypp.audit.recognition import faces, text
from raypp.audit.recognition.enlarging import Frame, enlarged
from raypp.audit.recognition.faces import Descriptions
from raypp.audit.recognition.probes import HEIGHTS, Probes, Word, plant
from raypp.geometry.boxes import Corners, box_iou

Groups: TypeAlias = npt.NDArray[np.int64]

_SAME_PLACE = 0.5
"""Overlap from which a face is where that of the original is."""
_LIKE_SIZE = 1.5
"""Most that the sizes of two people's faces may differ by: how coarse a face looks is told by its size alone."""
_OTHERS = 0.6
"""Distance from which two people's faces are surely two people's (dlib's own figure)."""
_FEWEST = 2
_LEAST_AUC = 0.9
"""Area under the curve that people must be told apart with on originals of a quarter of the pixels."""


@dataclass(frozen=True)
class _Seen:
    """Faces of one original.

    Attributes:
        image: its place among the victims.
        boxes: the faces.
        landmarks: eyes and nose of each.
    """

    image: int
    boxes: Corners
    landmarks: list[object]

    def described(self, frame: Frame) -> Descriptions:
        """Describe the same places of another image."""
        return faces.describe_faces(enlarged(frame), self.landmarks)


@dataclass(frozen=True)
class Whose:
    """Faces of the originals.

    Attributes:
        people: a number of each face, the same for one person's, int64[F].
        sides: how large each is, in pixels, float64[F].
    """

    people: Groups
    sides: npt.NDArray[np.float64]

    @classmethod
    def of(cls, known: Descriptions, seen: tuple[_Seen, ...]) -> "Whose":
        """Tell people by descriptions, and sizes by boxes."""
        boxes = np.concatenate([np.zeros((0, 4)), *(faces_seen.boxes for faces_seen in seen)])
        return cls(faces.people(known), np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)))

    def groups(self) -> list[Groups]:
        """Places of the faces of each person."""
        return [np.nonzero(self.people == person)[0] for person in dict.fromkeys(self.people.tolist())]

    def alike(self, some: Groups, others: Groups) -> bool:
        """Whether two people's faces are of like size."""
        sizes = (self.sides[some].mean(), self.sides[others].mean())
        return bool(max(sizes) <= _LIKE_SIZE * min(sizes))


@dataclass(frozen=True)
class Search:
    """Faces and words on the originals, to be found again.

    Attributes:
        probes: images with planted words, to be reconstructed besides the victims.
        planted: those of their words that are read on the plain images.
        own: words that are surely read on victims, with the place of their image; None if nobody looked.
        seen: the victims on which there are faces.
        known: descriptions of all these faces.
        whose: whose each of them is, and how large.
        reason: why people cannot be told apart; empty if they can.
    """

    probes: Probes
    planted: tuple[Word, ...]
    own: tuple[Word, ...] | None
    seen: tuple[_Seen, ...]
    known: Descriptions
    whose: Whose
    reason: str

    @classmethod
    def on(cls, victims: Images, count: int, seed: int, *, own_words: bool) -> "Search":
        """Look at the originals.

        Args:
            victims: the originals.
            count: how many of them get words planted, in copies.
            seed: of what is planted, and where.
            own_words: whether words that stand on the originals are looked for, too.
        """
        probes = plant(victims, count, seed)
        seen = tuple(
            _Seen(place, boxes, faces.landmarks(large, boxes))
            for place, large in enumerate(map(enlarged, victims.frames))
            if len(boxes := faces.find(large))
        )
        known = _described(seen, victims.frames)
        whose = Whose.of(known, seen)
        reason = _doubt(known, whose, _described(seen, np.stack([_halved(frame) for frame in victims.frames])))
        own = tuple(_own(victims)) if own_words else None
        return cls(probes, tuple(_read(probes.words, probes.images.frames)), own, seen, known, whose, reason)

    def look(self, reconstructed: Frames, probes: Frames) -> Recognised:
        """Look at reconstructed victims and probes, of the same order and shape as the originals."""
        return Recognised(faces=self._faces(reconstructed), text=self._text(reconstructed, probes))

    def _faces(self, reconstructed: Frames) -> FaceFigures:
        recognised = anywhere = 0
        for original in self.seen:
            boxes = faces.find(enlarged(reconstructed[original.image]))
            anywhere += len(boxes)
            recognised += int((box_iou(original.boxes, boxes) >= _SAME_PLACE).any(axis=1).sum())
        verification = None if self.reason else _told(_described(self.seen, reconstructed), self.known, self.whose)
        total = sum(len(original.boxes) for original in self.seen)
        return FaceFigures(
            faces=total, found=recognised, anywhere=anywhere, verification=verification, reason=self.reason
        )

    def _text(self, reconstructed: Frames, probes: Frames) -> TextFigures:
        read = _read(self.planted, probes)
        planted = [
            Planted(height=height, words=_of(height, self.planted), read=_of(height, read))
            for height in sorted(HEIGHTS, reverse=True)
        ]
        if self.own is None:
            return TextFigures(planted=tuple(planted))
        return TextFigures(planted=tuple(planted), own=len(self.own), own_read=len(_read(self.own, reconstructed)))


def _of(height: float, words: tuple[Word, ...] | list[Word]) -> int:
    return sum(word.height == height for word in words)


def _own(victims: Images) -> list[Word]:
    """Words that stand on the originals; how high they are, nobody measures."""
    return [
        Word(place, 0.0, word) for place, frame in enumerate(victims.frames) for word in text.words(enlarged(frame))
    ]


def _read(words: tuple[Word, ...], frames: Frames) -> list[Word]:
    """Those words that are read on the images on which they are looked for."""
    lines = {place: text.lines(enlarged(frames[place])) for place in sorted({word.image for word in words})}
    return [word for word in words if text.is_read(word.text, lines[word.image])]


def _described(seen: tuple[_Seen, ...], frames: Frames) -> Descriptions:
    return np.concatenate([np.zeros((0, 128)), *(original.described(frames[original.image]) for original in seen)])


def _doubt(known: Descriptions, whose: Whose, halved: Descriptions) -> str:
    """Why people cannot be told apart; empty if they can."""
    if not len(known):
        return NO_FACE
    verification = _told(halved, known, whose)
    if verification is None:
        return f"{len(known)} faces are found on the originals, and no two people's of like size"
    if verification.auc < _LEAST_AUC:
        return (
            "faces are too small: on originals of a quarter of the pixels, "
            f"{verification.auc:.2f} of {_LEAST_AUC} is reached"
        )
    return ""


def _told(reconstructed: Descriptions, known: Descriptions, whose: Whose) -> Verification | None:
    """How well reconstructed faces are told from other people's of like size; None if there are no two people.

    A reconstructed face is compared with all originals. Two averages are taken away, so that a face like all others
    gains nothing: how near an original is to reconstructed faces, and how near a person's reconstructed faces are to
    others' originals. A person's faces count together, as many as there are.
    """
    likeness = -np.linalg.norm(reconstructed[:, None] - known[None], axis=2)
    likeness -= likeness.mean(axis=0)
    own, others, groups = [], [], whose.groups()
    for some in groups:
        strangers = [
            likeness[np.ix_(some, other)].mean()
            for other in groups
            if some is not other and whose.alike(some, other) and _apart(known[some], known[other])
        ]
        if strangers:
            own.append(likeness[some, some].mean() - np.mean(strangers))
            others += [stranger - np.mean(strangers) for stranger in strangers]
    if len(own) < _FEWEST:
        return None
    auc = scores.auc(np.array(own), np.array(others))
    return Verification(people=len(own), auc=auc.mean, low=auc.low, high=auc.high)


def _apart(some: Descriptions, others: Descriptions) -> bool:
    return float(np.linalg.norm(some[:, None] - others[None], axis=2).mean()) > _OTHERS


def _halved(frame: Frame) -> Frame:
    """The same image of a quarter of the pixels, each as large as four."""
    height, width, _ = frame.shape
    small = frame.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    return np.repeat(np.repeat(np.rint(small).astype(np.uint8), 2, axis=0), 2, axis=1)
