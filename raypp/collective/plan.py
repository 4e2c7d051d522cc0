"""The plan of a collective training: who takes part, what is shared, and for how long; every site has the same."""

import hashlib
import json
import operator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from raypp.collective.privacy_options import PrivacyOptions, PrivacyUnit
from raypp.collective.private_ring import PrivateRing
from raypp.collective.ring import UpdateRing
from raypp.collective.spending import with_noise
from raypp.detect.architecture import Architecture
from raypp.detect.bundle_header import is_bundle
from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.settings_file import as_model, read_settings_file
from raypp.shards.schema import MOST_SIZE
from raypp.text.names import Name, Names, check_stream_name

LEAST_SITES, MOST_SITES = 3, 15
"""The mean of two tells each of them the other's; SLIP-0039 has 16 shares at most."""
_PAIR = 2
_MOST_WEIGHTS_BYTES = 1 << 30
_FORM = "see docs/how-to/collective.md for the form"


class Layers(StrEnum):
    """Name layers that sites share. The adapter, which reads a veil, is none of them."""

    TRUNK = "trunk"
    HEAD = "head"


def _checked_site(name: str) -> str:
    check_stream_name(name, "site")
    return name


SiteName = Annotated[Name, AfterValidator(_checked_site)]
Fingerprint = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class CollectivePlan(BaseModel):
    """A whole plan. Its digest is what owners accept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    sites: dict[SiteName, Fingerprint] = Field(
        min_length=_PAIR, max_length=MOST_SITES, description="fingerprint of each owner's key, by name of the site"
    )
    two: bool = Field(False, description="whether two sites may be summed, so that each learns the other's update")
    threshold: int | None = Field(
        None, ge=_PAIR, description="sites that a sum takes; default: 3, or more than two thirds of all"
    )
    share: tuple[Layers, ...] = Field((Layers.TRUNK, Layers.HEAD), min_length=1, description="layers that are summed")
    architecture: Architecture = "yolov8n"
    weights: Path | None = Field(None, description="public weights (.pt) to start from; from the plan's folder")
    weights_sha256: str = Field("", pattern="^([0-9a-f]{64})?$", description="digest of them; by default the file's")
    classes: Names
    size: int = Field(ge=32, le=MOST_SIZE, description="side of the letterboxed square, in pixels")
    patch: int = Field(8, description="side of a cell, in pixels: 4, 8 or 16")
    rounds: int = Field(20, ge=1, le=10_000)
    epochs: int = Field(1, ge=1, le=1000, description="passes of a site over its frames, in each round")
    batch: int = Field(16, ge=1)
    nominal_batch: int = Field(16, ge=1, description="frames whose gradients make one step of the optimiser")
    seed: int = Field(0, ge=0, lt=1 << 31)
    clip: float = Field(1.0, gt=0, le=1000, description="largest change of a weight in a round")
    most_frames: int = Field(100_000, ge=1, le=100_000_000, description="frames that a site counts for, at most")
    train_minutes: float = Field(120, gt=0, le=10_080, description="how long a round waits for trainings")
    answer_s: float = Field(120, gt=0, le=86_400, description="how long each later step of a round waits for sites")
    attempts: int = Field(3, ge=1, le=100, description="how often a round is tried anew when too few answer")
    dp: PrivacyOptions | None = Field(
        None, exclude_if=operator.not_, description="differential privacy: noise that hides one unit of the data"
    )

    @field_validator("share", mode="before")
    @classmethod
    def _never_the_adapter(cls, value: object) -> object:
        if isinstance(value, list | tuple) and "adapter" in value:
            raise ValueError("the adapter reads its owner's veil and never leaves; share trunk, head or both")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        sites = len(self.sites)
        if sites < LEAST_SITES and not self.two:
            raise ValueError("the mean of two sites tells each the other's update; have three, or state `two: true`")
        if len(set(self.sites.values())) < sites:
            raise ValueError("two sites have one owner's key, so one owner would count twice")
        least = _PAIR if self.two else LEAST_SITES
        if self.threshold is not None and self.threshold < least:
            raise ValueError(f"threshold {self.threshold}: a sum of two tells each the other's; state `two: true`")
        if self.needed > sites:
            raise ValueError(f"threshold {self.needed} of {sites} sites can never be reached")
        if 2 * self.needed <= sites:
            raise ValueError(f"threshold {self.needed} of {sites} sites: two sums could be opened; have more than half")
        if self.patch not in {4, 8, 16}:
            raise ValueError(f"patch {self.patch} must be 4, 8 or 16")
        if len(self.sites) * self.most_frames >= 1 << 31:
            raise ValueError(f"most_frames {self.most_frames} of {sites} sites cannot be summed in 32 bits; have fewer")
        if self.dp is not None:
            self._check_privacy(self.dp)
        return self

    def _check_privacy(self, dp: PrivacyOptions) -> None:
        units = len(self.sites) * dp.units
        if dp.delta * units >= 1:
            raise ValueError(
                f"dp: delta {dp.delta:g} is not below 1 of {units} units, so a unit may be given away whole; "
                f"have {min(1e-5, 1 / (10 * units)):.0e}"
            )
        if dp.distrusted >= self.needed:
            raise ValueError(f"dp: distrusted {dp.distrusted} of {self.needed} sites leaves no noise; have fewer")
        missing = sorted({"head" if layer == "head-last" else layer.value for layer in dp.summed} - set(self.share))
        if missing:
            raise ValueError(f"dp: layers are of {' and '.join(missing)}, which the plan does not share")

    @property
    def needed(self) -> int:
        """How many sites a sum takes at least, and how many shares open a secret."""
        if self.threshold is not None:
            return self.threshold
        return max(_PAIR if self.two else LEAST_SITES, 2 * len(self.sites) // 3 + 1)

    @property
    def summed(self) -> tuple[str, ...]:
        """Layers whose changes are summed: those that are shared, or of them the ones trained under noise."""
        return self.share if self.dp is None else self.dp.summed

    def ring(self) -> UpdateRing | PrivateRing:
        """Return how updates become vectors that can be summed."""
        if self.dp is None:
            return UpdateRing(self.clip, len(self.sites), self.most_frames)
        return PrivateRing(self.dp, len(self.sites), self.needed)

    @property
    def digest(self) -> str:
        """SHA-256 of what the plan says, whatever its file looks like; 64 hex digits."""
        values = self.model_dump(mode="json", exclude={"weights"}) | {"threshold": self.needed}
        return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def require(self, site: str) -> None:
        """Raise OptionError unless a site is one of the plan's."""
        if site not in self.sites:
            raise OptionError(f"`site` {site} is no site of the plan; it has {', '.join(self.sites)}")

    def warnings(self) -> tuple[str, ...]:
        """Say what of this plan tells more than it seems."""
        lines = ["a sum hides who changed what: one site can spoil the model, up to the clip, and nobody sees which"]
        if self.needed == _PAIR:
            lines.append("two sites may be summed: each can then compute the other's update from the mean")
        if 2 * self.needed - len(self.sites) <= 1:
            lines.append(
                f"a threshold of {self.needed} of {len(self.sites)}: a coordinator that cheats may open an update "
                "with the help of one site; have more than two thirds"
            )
        if self.needed == LEAST_SITES:
            lines.append("three sites may be summed: two that work together know the third's update")
        if self.dp is not None and self.weights is None and self.dp.unit is not PrivacyUnit.SITE:
            lines.append("normalisations stay as they start, and start random: give public weights")
        return tuple(lines)


def load_collective_plan(path: Path) -> CollectivePlan:
    """Read a plan from YAML or JSON; weights start at its folder.

    Raises:
        OptionError: naming the file, the field and what is wrong.
    """
    document = read_settings_file(path, "plan", _FORM)
    if isinstance(document, dict) and isinstance(document.get("weights"), str):
        weights = path.absolute().parent / document["weights"]
        digest = weights_digest(weights)
        if document.get("weights_sha256") not in {None, "", digest}:
            raise OptionError(f"weights {weights} are not those that the plan states, by their digest; get the file")
        document |= {"weights": str(weights), "weights_sha256": digest}
    plan = as_model(CollectivePlan, document, f"plan {path}", _FORM)
    if plan.dp is None:
        return plan
    try:
        plan = plan.model_copy(update={"dp": with_noise(plan.dp, plan.rounds)})
    except OptionError as error:
        raise OptionError(f"plan {path}: dp: {error}") from None
    ring = plan.ring()
    if isinstance(ring, PrivateRing) and ring.fault():
        raise OptionError(f"plan {path}: dp: {ring.fault()}")
    return plan


def weights_digest(path: Path) -> str:
    """Return the SHA-256 of a file of weights, 64 hex digits; raises OptionError if it cannot be read.

    Of a bundle it is that of all tensors but the adapter's: those of owners differ, and the rest is the same.
    """
    try:
        if is_bundle(path):
            from raypp.collective.start_bundle import start_digest  # noqa: PLC0415 - needs torch, slow to import

            return start_digest(path)
    except ImportError as error:
        raise OptionError(f"weights {path} are a bundle, which {error.name} reads; install raypp[cluster]") from None
    except OSError:
        pass  # named below
    try:
        return hashlib.sha256(read_content(path, _MOST_WEIGHTS_BYTES)).hexdigest()
    except ContentError as error:
        raise OptionError(f"weights {path} {error}; name the file of public weights") from None
