"""What label files held, in columns, is given back as it was put in."""

import pytest

from raypp.media.label_reads import LabelRead, LabelReads, ReadOutcome

_OUTCOMES: list[ReadOutcome] = [
    LabelRead(b"12345678" * 5, 1, 2),
    None,
    "a.txt: class 7 is unknown; correct it",
    LabelRead(b"", 0, 0),
    LabelRead(b"abcdefgh" * 10, 0, 3),
    None,
]


def test_reads_are_given_back_as_they_were_put_in() -> None:
    reads = LabelReads()
    for outcome in _OUTCOMES:
        reads.append(outcome)
    assert list(reads) == _OUTCOMES
    assert len(reads) == len(_OUTCOMES)
    assert [reads[place] for place in range(-len(_OUTCOMES), 0)] == _OUTCOMES
    assert reads[1:5:2] == _OUTCOMES[1:5:2]
    for place in (len(_OUTCOMES), -len(_OUTCOMES) - 1):
        with pytest.raises(IndexError):
            reads[place]
    assert list(LabelReads()) == []
