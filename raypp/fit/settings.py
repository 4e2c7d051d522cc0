"""Settings of a fit."""

import json

from raypp.compare.images import ImageDataset
from raypp.detect.encoder_kind import EncoderKind
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.warm_start_header import WarmStartHeader, read_warm_start_header
from raypp.errors import OptionError
from raypp.fit.adversary_shape import AdversaryShape
from raypp.io.settings import AbsolutePath, AbsolutePlace, FrozenSettings
from raypp.train.options import check_counts, check_size, check_weights
from raypp.veil.spec import LearnedSpec, parse_spec

_CHANNELS = 8
_COARSE_PATCH, _COARSE_CHANNELS = 16, 48


class FitSettings(FrozenSettings):
    """Settings of a fit; they hold no secret, so that they may travel to workers.

    Attributes:
        data: folder of plain images in YOLO layout, which every worker reaches.
        weights: public weights (.pt) that encoder and trunk start from; None with a `warm_start`.
        warm_start: what an earlier fit published, to start from in the place of public weights.
        architecture: name of a model that ultralytics knows; its first stages become the encoder, or teach it.
        encoder: what the encoder is built of.
        size: side of the letterboxed square, in pixels.
        epochs: passes over the training images.
        batch: images of a step, over all workers together.
        nominal_batch: images whose gradients make one step of the optimiser.
        seed: of initial weights, order, augmentation, and the rotation that codes begin at; None for a rotation that
            nobody can tell, and 0 for the rest.
        amp: mixed precision: float16 on a GPU, bfloat16 on a CPU; None for wherever a GPU or AMX is.
        patch: side of a cell in pixels, the encoder's stride.
        channels: code values per cell.
        bits: bits per code value.
        sub_keys: number K of sub-keys.
        hide: weight of hiding images from the adversaries, against the detector's loss.
        tone: weight of hiding a cell's colour, relative to hiding what is inside it.
        rate: weight of the bits of a code value, given those that come before; 0 for codes of any length.
        adversaries: who tries to reconstruct the images meanwhile.
        restart: epochs after which one adversary, in turn, forgets all and starts anew; 0 for never.
        adversary_rate: learning rate of the adversaries as a multiple of the detector's.
        warm_up: epochs in which codes only learn to carry the public features, before anything is hidden.
        workers: workers that fit together.
        gpu: whether each worker has a GPU.
    """

    data: AbsolutePlace
    weights: AbsolutePath | None = None
    warm_start: AbsolutePath | None = None
    architecture: str = "yolov8n"
    encoder: EncoderKind = EncoderKind.STAGES
    size: int = 640
    epochs: int = 100
    batch: int = 16
    nominal_batch: int = 64
    seed: int | None = None
    amp: bool | None = None
    patch: int = 8
    channels: int = _CHANNELS
    bits: int = 3
    sub_keys: int = 4
    hide: float = 1.0
    tone: float = 0.5
    rate: float = 0.0
    adversaries: tuple[AdversaryShape, ...] = tuple(AdversaryShape)
    restart: int = 4
    adversary_rate: float = 4.0
    warm_up: int = 2
    workers: int = 1
    gpu: bool = False

    @property
    def open_seed(self) -> int:
        """Seed of what need not be secret: initial weights, order and augmentation."""
        return self.seed or 0

    def check(self) -> None:
        """Raise OptionError for a value out of range, and SpecError for one that no veil has."""
        check_counts(
            {
                "epochs": self.epochs,
                "batch": self.batch,
                "nominal_batch": self.nominal_batch,
                "workers": self.workers,
            }
        )
        for name, weight in (("hide", self.hide), ("tone", self.tone), ("rate", self.rate)):
            if weight < 0:
                raise OptionError(f"`{name}` {weight} must not be negative; 0 leaves it out")
        if self.adversary_rate <= 0:
            raise OptionError(f"`adversary_rate` {self.adversary_rate} must be above 0")
        if self.restart < 0 or self.warm_up < 1:
            raise OptionError(f"`restart` {self.restart} must be at least 0, `warm_up` {self.warm_up} at least 1")
        if not self.adversaries:
            raise OptionError(f"name at least one of `adversaries`: {', '.join(AdversaryShape)}")
        check_size(self.size)
        if self.batch % self.workers:
            raise OptionError(f"`batch` {self.batch} cannot be shared by {self.workers} workers")
        if (self.weights is None) == (self.warm_start is None):
            raise OptionError("give either public `weights` or a `warm_start`")
        check_weights(self.weights)
        if self.warm_start is not None and not self.warm_start.is_file():
            raise OptionError(f"`warm_start` {self.warm_start} is no file; give what `raypp fit --publish` left")

    def spec(self, encoder: str) -> LearnedSpec:
        """Return the spec of the veil that a fit makes, by the name of its encoder."""
        fields = {name: getattr(self, name) for name in ("patch", "channels", "bits", "sub_keys")}
        spec = parse_spec(json.dumps({"family": "learned", "encoder": encoder} | fields), "fit")
        assert isinstance(spec, LearnedSpec)  # noqa: S101 - the family says so
        return spec


def check_warm_start(settings: FitSettings) -> WarmStartHeader | None:
    """Return the header of the warm start that a fit is to begin from, if it is to.

    Raises:
        OptionError: if it does not go with the other settings.
        ModelError: if the file is none.
    """
    path = settings.warm_start
    if path is None:
        return None
    header = read_warm_start_header(path)
    for name in ("architecture", "patch", "channels", "bits", "encoder"):
        given, own = getattr(settings, name), getattr(header, name)
        if given != own:
            raise OptionError(f"`{name}` {given} is not that of `warm_start` {path}; give {own}")
    return header


def usual_channels(patch: int) -> int:
    """Return how many code values a cell has where nobody says: by what benchmarks/results/veil-settings.md found."""
    return _COARSE_CHANNELS if patch == _COARSE_PATCH else _CHANNELS


def schedule_of(settings: FitSettings, images: ImageDataset) -> TrainingSchedule:
    """Return how long the detector is trained; raises OptionError if there are too few images."""
    steps = len(images.splits["train"]) // settings.batch
    if not steps:
        count = len(images.splits["train"])
        raise OptionError(f"`batch` {settings.batch} is more than the {count} training images; use fewer")
    return TrainingSchedule(
        epochs=settings.epochs,
        batch=settings.batch,
        steps=steps,
        seed=settings.open_seed,
        nominal_batch=settings.nominal_batch,
        amp=settings.amp,
    )
