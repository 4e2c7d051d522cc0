"""Reads text."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from raypp.audit.recognition.enlarging import Frame

_SURELY = 0.9
"""Confidence from which a line counts as read on an original."""
_LEAST = 4
"""Letters of a word, at least: shorter ones are read by chance."""
_FORGIVING = 5
"""Letters from which a word with one wrong letter counts as read."""


def lines(frame: Frame) -> list[tuple[str, float]]:
    """Return what is read on an enlarged frame: letters and digits of each line in capitals, and how sure it is."""
    output = _reader()(frame[:, :, ::-1], use_cls=False)
    read = zip(output.txts or (), output.scores or (), strict=True)
    return [(_plain(text), float(score)) for text, score in read]


def words(frame: Frame) -> list[str]:
    """Return the words that are surely read on an enlarged frame, of four letters or more, in capitals."""
    output = _reader()(frame[:, :, ::-1], use_cls=False)
    sure = [text for text, score in zip(output.txts or (), output.scores or (), strict=True) if score >= _SURELY]
    return [word for text in sure for word in re.findall(r"[^\W_]+", text.upper()) if len(word) >= _LEAST]


def is_read(word: str, lines_read: Sequence[tuple[str, float]]) -> bool:
    """Whether a word is in what was read; of a longer one, one letter may be wrong."""
    return any(_holds(text, word) for text, _ in lines_read)


def _holds(text: str, word: str) -> bool:
    wrong = 1 if len(word) >= _FORGIVING else 0
    parts = (text[start : start + len(word)] for start in range(len(text) - len(word) + 1))
    return any(sum(letter != other for letter, other in zip(part, word, strict=True)) <= wrong for part in parts)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.upper())


@cache
def _reader() -> Any:
    """PP-OCR (Li et al., PP-OCRv3, 2022, and later): a network finds lines, another reads each."""
    from rapidocr import RapidOCR  # noqa: PLC0415 - takes a second, and most of an audit reads no text

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Det.limit_type": "max",
            "Det.limit_side_len": 960,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
