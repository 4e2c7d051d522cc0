"""What recognisers made of rebuilt pictures: figures of a row."""

from pydantic import BaseModel, ConfigDict, Field

EXTRA = "raypp[recognition]"
NOT_INSTALLED = f"it needs {EXTRA}"
NO_FACE = "no face is found on the originals"
NO_TEXT = "no text is read on the originals"


class Planted(BaseModel):
    """Words of one height that were drawn into pictures.

    Attributes:
        height: of the capital letters, as a share of the picture's height.
        words: how many are read on the plain pictures; the others are not looked for.
        read: how many of those are read on the rebuilt ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: float = Field(gt=0, le=1)
    words: int = Field(ge=0)
    read: int = Field(ge=0)


class TextFigures(BaseModel):
    """What text is read.

    Attributes:
        planted: words that were drawn into copies of victims, by height.
        own: words that are surely read on the originals; None where they were not looked for.
        own_read: how many of those are read on the rebuilt pictures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    planted: tuple[Planted, ...]
    own: int | None = Field(default=None, ge=0)
    own_read: int = Field(default=0, ge=0)

    @property
    def words(self) -> int:
        """Words that are read on plain pictures, planted or their own."""
        return sum(one.words for one in self.planted) + (self.own or 0)

    @property
    def read(self) -> int:
        """How many of those are read on rebuilt pictures."""
        return sum(one.read for one in self.planted) + self.own_read


class Verification(BaseModel):
    """How well a rebuilt face is told from other people's.

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
    """What faces are found.

    Attributes:
        faces: found on the originals.
        found: how many of those are found at the same place of the rebuilt pictures.
        anywhere: all faces that are found on the rebuilt pictures of those originals, wherever they are.
        verification: None where it cannot be asked.
        reason: why it cannot; empty if it can.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    faces: int = Field(ge=0)
    found: int = Field(ge=0)
    anywhere: int = Field(ge=0)
    verification: Verification | None = None
    reason: str = ""


class Recognised(BaseModel):
    """What recognisers found on the pictures that one attack rebuilt.

    Attributes:
        faces, text: the figures; None if nobody looked.
        reason: why nobody did; empty if somebody did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    faces: FaceFigures | None = None
    text: TextFigures | None = None
    reason: str = ""
