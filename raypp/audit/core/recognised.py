"""Findings of recognisers on reconstructed images: figures of a row."""

from pydantic import BaseModel, ConfigDict, Field

EXTRA = "raypp[recognition]"
NOT_INSTALLED = f"it needs {EXTRA}"
NO_FACE = "no face is found on the originals"
NO_TEXT = "no text is read on the originals"


class Planted(BaseModel):
    """Words of one height that were drawn into images.

    Attributes:
        height: of the capital letters, as a share of the image's height.
        words: how many are read on the plain images; the others are not looked for.
        read: how many of those are read on the reconstructed ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: float = Field(gt=0, le=1)
    words: int = Field(ge=0)
    read: int = Field(ge=0)


class TextFigures(BaseModel):
    """Figures of text that is read.

    Attributes:
        planted: words that were drawn into copies of victims, by height.
        own: words that are surely read on the originals; None where they were not looked for.
        own_read: how many of those are read on the reconstructed images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    planted: tuple[Planted, ...]
    own: int | None = Field(default=None, ge=0)
    own_read: int = Field(default=0, ge=0)

    @property
    def words(self) -> int:
        """Words that are read on plain images, planted or their own."""
        return sum(height.words for height in self.planted) + (self.own or 0)

    @property
    def read(self) -> int:
        """How many of those are read on reconstructed images."""
        return sum(height.read for height in self.planted) + self.own_read


class Verification(BaseModel):
    """How well a reconstructed face is told from other people's.

    Attributes:
        people: how many people there are.
        auc: area under the receiver operating characteristic: 0.5 by chance, 1 if everyone is known again.
        low, high: its 95 % interval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: int = Field(ge=2)
    auc: float
    low: float
    high: float


class FaceFigures(BaseModel):
    """Figures of faces that are found.

    Attributes:
        faces: found on the originals.
        found: how many of those are found at the same place of the reconstructed images.
        anywhere: all faces that are found on the reconstructed images of those originals, wherever they are.
        verification: None where it cannot be asked.
        reason: why it cannot; empty if it can.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    faces: int = Field(ge=0)
    found: int = Field(ge=0)
    anywhere: int = Field(ge=0)
    verification: Verification | None = None
    reason: str = ""


class ObjectFigures(BaseModel):
    """Figures of objects that a public detector finds.

    Attributes:
        objects: surely found on the originals.
        found: how many of those are found on the reconstructed images, of the same class and at the same place.
        others: how many are found there if every reconstructed image is dealt to the next original: by chance.
        again: how many are found on the originals under a camera's noise: as many as can be.
        grey: how many are found on the images' mean colour alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objects: int = Field(ge=0)
    found: int = Field(ge=0)
    others: int = Field(ge=0)
    again: int = Field(ge=0)
    grey: int = Field(ge=0)


class ColourFigures(BaseModel):
    """Figures of colours of things: the name that most pixels of a box have, of eight.

    Attributes:
        boxes: labelled; where no image has a label, those of objects that a detector finds on the originals.
        right: how many have the same colour on the reconstructed images.
        by_chance: how many would, if the reconstructed ones' colours were dealt at random.
        commonest: how many would, if the commonest colour of all were always named.
        guessed: how many have it on the best guess from labels alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    boxes: int = Field(ge=1)
    right: int = Field(ge=0)
    by_chance: float = Field(ge=0)
    commonest: int = Field(ge=0)
    guessed: int = Field(ge=0)


class Recognised(BaseModel):
    """Findings of recognisers on the images that one attack reconstructed.

    Attributes:
        faces, text: the figures; None if nobody looked.
        reason: why nobody did; empty if somebody did.
        objects: likewise; None without public weights of a detector.
        colours: likewise; None if no thing is known on the originals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    faces: FaceFigures | None = None
    text: TextFigures | None = None
    reason: str = ""
    objects: ObjectFigures | None = None
    colours: ColourFigures | None = None
