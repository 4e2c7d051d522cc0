"""Values of an audit: images, what is attacked, and who attacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from raypp.audit.core.adversary_name import AdversaryName
from raypp.audit.core.attack_id import AttackId
from raypp.geometry.boxes import Box

if TYPE_CHECKING:
    from torch import Tensor  # to verify needs no torch

Frames: TypeAlias = npt.NDArray[np.uint8]
"""uint8[N, H, W, 3], RGB; H and W multiples of the patch of what is attacked."""
Codes: TypeAlias = npt.NDArray[np.uint8]
"""uint8[N, C, h, w]."""
Features: TypeAlias = npt.NDArray[np.float32]
"""float32[N, F, g, g'], of a detector's early layers."""
Floats: TypeAlias = npt.NDArray[np.float64]
Ranks: TypeAlias = npt.NDArray[np.int64]
"""int64[N]: place of each image's own among all candidates, 0 the first."""


class Adversary(StrEnum):
    """Who attacks."""

    CIPHERTEXT_ONLY = "ciphertext-only adversary"
    """Has shards only, and public images."""
    INSIDER = "insider"
    """An honest but curious ML team: has labels and its detector on codes besides, no key and no pair."""
    KNOWN_PLAINTEXT = "known-plaintext adversary"
    """Has shards, and some images both plain and veiled under the same key."""
    WHITE_BOX = "white-box adversary"
    """Has shards, and all that the owner has but the images: the key is compromised."""

    @property
    def short(self) -> AdversaryName:
        """The name that a person chooses it by."""
        return AdversaryName[self.name]


class Need(StrEnum):
    """A need of an attack besides footage: the setting that names it, or the kind of footage."""

    MODEL = "--model"
    WEIGHTS = "--weights"
    MEMBERS = "--members"
    VIDEOS = "videos of fixed cameras"
    PEOPLE = "videos of people"
    RECOGNISERS = "raypp[recognition]"


class Kind(StrEnum):
    """Kind of an attack."""

    RECONSTRUCT = "reconstruct"
    MATCH = "match"
    DECIDE = "decide"
    """Tell of single images whether something is so."""


class Moment(Protocol):
    """When in a video an image was taken: what its camera saw around it, and so what its shards hold."""

    def burst(self, count: int) -> Frames:
        """Return the image and the frames that follow it: `count`, or fewer where the video ends."""
        ...

    def whole(self, count: int) -> Frames:
        """Return at most `count` frames, taken evenly from the whole video."""
        ...


@dataclass(frozen=True)
class Images:
    """Plain images of one size.

    Attributes:
        frames: the images.
        cameras: name of the camera of each; images of one camera are veiled under one sub-key.
        boxes: labels of each, normalised to the image: class name and box; empty where there are none.
        moments: when each was recorded, None for a still; empty if none was.
    """

    frames: Frames
    cameras: tuple[str, ...]
    boxes: tuple[tuple[tuple[str, Box], ...], ...]
    moments: tuple[Moment | None, ...] = ()

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, places: Sequence[int]) -> "Images":
        """Return some of them, in the order given."""
        return Images(
            self.frames[list(places)],
            tuple(self.cameras[place] for place in places),
            tuple(self.boxes[place] for place in places),
            tuple(self.moments[place] for place in places) if self.moments else (),
        )

    def and_also(self, others: "Images") -> "Images":
        """Return these, then others of the same size."""
        return Images(
            np.concatenate([self.frames, others.frames]),
            self.cameras + others.cameras,
            self.boxes + others.boxes,
            tuple(moment for images in (self, others) for moment in images.moments or (None,) * len(images)),
        )


@dataclass(frozen=True)
class AttackTarget:
    """The target of an attack: a veil under one key, or a baseline that hides in another way.

    Attributes:
        name: as in the report.
        patch: pixels across that one cell of codes stands for.
        channels: values of a cell.
        levels: number of values that each can take, at most 256.
        encode: veils images, each as its camera does.
        features: what the adapter of a detector on codes makes of veiled images; None where there is no detector.
        random_key: the same under a key that anybody can draw, by its number; None where nobody can.
        other_owner_key: the same under another of the owner's keys, by number from 1; None where there is none.
        detector: the detector itself on what `encode` makes; None where there is none.
        white_box: the same to whoever holds its key, for the images of a camera; None where there is no key.
    """

    name: str
    patch: int
    channels: int
    levels: int
    encode: Callable[[Images], Codes]
    features: Callable[[Images], Features] | None = None
    random_key: "Callable[[int], AttackTarget] | None" = None
    other_owner_key: "Callable[[int], AttackTarget] | None" = None
    detector: "CodesDetector | None" = None
    white_box: "Callable[[str], WhiteBox] | None" = None


class WhiteBox(Protocol):
    """The way from pixels to codes as whoever holds the key has it, with gradients.

    Attributes:
        reach: how many cells around its own a pixel may move, at most.
    """

    reach: ClassVar[int]

    def values(self, pixels_N3HW: "Tensor") -> "Tensor":
        """Return of images in [0, 255] what is cut into levels, float[N, C, h, w]: n where n <= value < n + 1."""
        ...

    def levels(self, codes: Codes) -> Codes:
        """Return the levels that codes stand for, in the order of `values`."""
        ...


class CodesDetector(Protocol):
    """A detector on veiled images."""

    def losses(self, images: Images) -> Floats:
        """Return its loss on each veiled image with its labels, float64[N]."""
        ...

    def further(self, images: Images, steps: int, seed: int) -> "CodesDetector":
        """Return what becomes of it by so many more steps of training on veiled images with their labels."""
        ...


@dataclass(frozen=True)
class Trial:
    """Images of which the owner knows whether the detector learnt from them.

    Attributes:
        members: it did; an attacker has them veiled and labelled, and is to tell that.
        strangers: it did not, likewise.
        own: it did not, either, and the attacker knows that: he may learn from them.
    """

    members: Images
    strangers: Images
    own: Images


@dataclass(frozen=True)
class People:
    """People whom fixed cameras saw for a while, each told apart by being followed through the plain video.

    Attributes:
        images: frames, one for each box.
        corners_N4: float64[N, 4], the box: left, top, right and bottom, in pixels.
        person_N: int64[N], number of the person.
        video_N: int64[N], number of the video.
        times_us_N: int64[N], presentation time, in microseconds.
    """

    images: Images
    corners_N4: Floats
    person_N: npt.NDArray[np.int64]
    video_N: npt.NDArray[np.int64]
    times_us_N: npt.NDArray[np.int64]


class PublicFeatures(Protocol):
    """Features that public weights give of plain images, in the place of an adapter's of veiled ones."""

    def __call__(self, frames: Frames) -> Features:
        """Return the features of images."""
        ...

    def of(self, pixels_N3HW: "Tensor") -> "Tensor":
        """Return the features of images in [0, 1]; gradients flow to the images."""
        ...


@dataclass(frozen=True)
class Case:
    """All that one attack is given.

    Attributes:
        target: what is attacked.
        known: what the attacker may know: plain images of his own or, with pairs, of the owner.
        victims: images to reconstruct or to match; never used to fit, never used to tune.
        seed: of whatever the attacker leaves to chance.
        public: what public weights make of plain images, in the place of `target.features`; None without weights.
        trial: what the detector learnt from and what not; None where that is not known.
        people: in videos; None where no attack at hand asks for them.
    """

    target: AttackTarget
    known: Images
    victims: Images
    seed: int = 0
    public: PublicFeatures | None = None
    trial: Trial | None = None
    people: People | None = None


@dataclass(frozen=True)
class Decisions:
    """How sure an attacker is of each image that something is so; only the order of values counts.

    Attributes:
        so: of images of which it is, float64[M].
        not_so: of images of which it is not, float64[N].
        whose: of pairs, M = N, the person that both the pair of one and the pair of two have in common, int64[M]; None
            where images are judged one by one.
    """

    so: Floats
    not_so: Floats
    whose: npt.NDArray[np.int64] | None = None


class Attacker(Protocol):
    """Identity and knowledge, as every attack states them.

    Attributes:
        id: which attack it is.
        adversary: who can do it.
        knowledge: in one sentence, what he has.
    """

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        ...

    @property
    def adversary(self) -> Adversary:
        """Who can do it."""
        ...

    @property
    def knowledge(self) -> str:
        """Knowledge of the attacker."""
        ...


@runtime_checkable
class Attack(Attacker, Protocol):
    """An attack that reconstructs images."""

    def reconstruct(self, case: Case) -> Frames:
        """Return the victims as the attacker sees them, uint8 of the shape of `case.victims.frames`."""
        ...


class Taught(Protocol):
    """An attacker's learning before he looks at any victim."""

    def reconstruct(self, case: Case) -> Frames:
        """Return the victims as the attacker sees them, as `Attack.reconstruct` does."""
        ...


@runtime_checkable
class Learner(Attack, Protocol):
    """An attack that learns without the victims' key: once learnt, it is used against any key of the same spec."""

    def learn(self, case: Case) -> Taught:
        """Learn from the attacker's own images; the victims of `case` are not looked at."""
        ...


@runtime_checkable
class MatchAttack(Attacker, Protocol):
    """An attack that tells which victim is whose."""

    def ranks(self, case: Case) -> Ranks:
        """Return for each victim the rank of its own image among all candidates."""
        ...


@runtime_checkable
class DecideAttack(Attacker, Protocol):
    """An attack that tells of single images whether something is so."""

    def decide(self, case: Case) -> Decisions:
        """Return how sure it is of images of which it is so, and of images of which it is not."""
        ...


AnyAttack: TypeAlias = Attack | MatchAttack | DecideAttack
"""An attack of any kind."""
