"""Copies of images with words drawn into them: most footage has too little text to tell whether a veil hides it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from raypp.audit.core.model import Frames, Images

HEIGHTS = (1 / 4, 1 / 8, 1 / 16, 1 / 32)
"""Of capital letters, as shares of the image's height."""

_LETTERS = "ACEFHKLMNPRTUVWXY34679"
"""Those that readers do not take for each other."""
_LONGEST, _SHORTEST = 6, 4
_CAPITAL = 0.7
"""Height of capitals over the size of Pillow's own font (Aileron)."""
_ROOM = 0.25
"""Of a card around its word, as a share of the letters' height."""
_CHANCES = 4096


@dataclass(frozen=True)
class Word:
    """One planted word.

    Attributes:
        image: place of its image among the probes.
        height: of its capitals, as a share of the image's height.
        text: what is to be read.
    """

    image: int
    height: float
    text: str


@dataclass(frozen=True)
class Probes:
    """Images with words.

    Attributes:
        images: copies of victims, of the same cameras and with the same labels.
        words: what stands on them.
    """

    images: Images
    words: tuple[Word, ...]


def plant(victims: Images, count: int, seed: int) -> Probes:
    """Copy some victims, and draw a word of each height: black on a white card, and white on a dark one, in turn.

    Args:
        victims: of which the first are copied.
        count: how many copies.
        seed: of words and places.
    """
    chance = np.random.default_rng((_CHANCES, seed))
    images = victims.take([number % len(victims) for number in range(count)])
    drawn = [_drawn(number, frame, chance) for number, frame in enumerate(images.frames)]
    frames = np.stack([frame for frame, _ in drawn])
    return Probes(Images(frames, images.cameras, images.boxes), tuple(word for _, words in drawn for word in words))


def _drawn(number: int, frame: Frames, chance: np.random.Generator) -> tuple[Frames, list[Word]]:
    """A frame with its words, one below the other in any order; a word that is too wide for it is left out."""
    image = Image.fromarray(frame)
    draw = ImageDraw.Draw(image)
    ink, card = ("black", "white") if number % 2 == 0 else ("white", (24, 26, 32))
    words: list[Word] = []
    top = image.height * 0.03
    for height in chance.permutation(HEIGHTS).tolist():
        capital = height * image.height
        font = ImageFont.load_default(capital / _CAPITAL)
        text = "".join(chance.choice(list(_LETTERS), _LONGEST))
        room = capital * _ROOM
        while len(text) >= _SHORTEST and font.getlength(text) + 2 * room > image.width:
            text = text[:-1]
        if len(text) < _SHORTEST:
            continue
        wide = font.getlength(text) + 2 * room
        left = float(chance.uniform(0, image.width - wide))
        draw.rectangle((left, top, left + wide, top + capital + 2 * room), fill=card)
        draw.text((left + room, top + room + capital), text, fill=ink, font=font, anchor="ls")
        words.append(Word(number, height, text))
        top += capital + 2.4 * room
    return np.asarray(image), words
