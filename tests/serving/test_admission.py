"""Which chunk may come next, judged against a model that keeps whole histories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.serving.admission import Admission, StreamAdmission
from raypp.serving.status import Status, StatusError

_WINDOW = 4


def _admit(
    stream: StreamAdmission, sequence: int, seen: int, indices: tuple[int, int] | None = None, last: bool = False
) -> tuple[StreamAdmission, Admission]:
    return stream.admit(sequence, seen, indices, last=last, window=_WINDOW)


def _refused(stream: StreamAdmission, *facts: object, **more: object) -> StatusError:
    with pytest.raises(StatusError) as caught:
        _admit(stream, *facts, **more)
    return caught.value


def test_chunks_follow_each_other() -> None:
    stream = StreamAdmission.resumed(7, ended=False)
    stream, what = _admit(stream, 8, 7, (0, 9))
    assert what is Admission.NEW
    stream, what = _admit(stream, 9, 7, (10, 12))
    assert what is Admission.NEW
    assert stream.acknowledged(8).answered == 8


@pytest.mark.parametrize("sequence", [1, 6, 7])
def test_what_is_durable_is_answered_again(sequence: int) -> None:
    stream = StreamAdmission.resumed(7, ended=False)
    assert _admit(stream, sequence, sequence - 1) == (stream, Admission.REPEAT)


def test_a_gap_names_the_number_that_is_expected() -> None:
    refused = _refused(StreamAdmission.resumed(7, ended=False), 9, 7)
    assert refused.status is Status.FAILED_PRECONDITION
    assert "chunk 9 is out of turn; the next one is 8" in str(refused)


def test_nothing_follows_the_last_chunk_but_its_repeat() -> None:
    stream, _ = _admit(StreamAdmission.resumed(2, ended=False), 3, 2, last=True)
    assert _admit(stream, 3, 2)[1] is Admission.REPEAT
    assert _refused(stream, 4, 2).status is Status.FAILED_PRECONDITION
    assert _refused(StreamAdmission.resumed(3, ended=True), 4, 3).status is Status.FAILED_PRECONDITION


def test_a_client_that_does_not_read_is_cut_off() -> None:
    stream = StreamAdmission.resumed(0, ended=False)
    for sequence in range(1, _WINDOW + 1):
        stream, _ = _admit(stream, sequence, 0)
    assert _refused(stream, _WINDOW + 1, 0).status is Status.RESOURCE_EXHAUSTED


def test_a_client_may_not_claim_to_have_read_what_was_not_said() -> None:
    stream, _ = _admit(StreamAdmission.resumed(0, ended=False), 1, 0)
    assert _refused(stream, 2, 1).status is Status.INVALID_ARGUMENT
    assert _admit(stream.acknowledged(1), 2, 1)[1] is Admission.NEW


def test_frame_indices_rise_from_chunk_to_chunk() -> None:
    stream, _ = _admit(StreamAdmission.resumed(0, ended=False), 1, 0, (5, 9))
    assert _refused(stream, 2, 0, (9, 12)).status is Status.INVALID_ARGUMENT
    assert _admit(stream, 2, 0, (30, 31))[1] is Admission.NEW


@given(
    committed=st.integers(0, 5),
    chunks=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12), st.booleans(), st.booleans()), max_size=30),
)
def test_each_number_is_new_once_and_in_order_whatever_comes(
    committed: int, chunks: list[tuple[int, int, bool, bool]]
) -> None:
    stream, admitted, ended, acknowledged = StreamAdmission.resumed(committed, ended=False), committed, False, committed
    for sequence, seen, last, read in chunks:
        try:
            stream, what = _admit(stream, sequence, seen, last=last)
        except StatusError:
            expected = sequence == admitted + 1 and not ended
            assert not expected or seen > acknowledged or sequence - seen > _WINDOW
        else:
            assert seen <= acknowledged
            assert sequence - seen <= _WINDOW
            assert (what is Admission.NEW) == (sequence == admitted + 1 and not ended)
            if what is Admission.NEW:
                admitted, ended = sequence, last
        if read:
            stream, acknowledged = stream.acknowledged(admitted), admitted
        assert (stream.admitted, stream.answered, stream.ended) == (admitted, acknowledged, ended)
