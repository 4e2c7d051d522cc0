"""Calls that did not come through the front, or carry no token, are refused before anything is looked up."""

from pathlib import Path

import pytest

from raypp.errors import (
    LedgerError,
    LedgerFullError,
    LedgerUnavailableError,
    OptionError,
    SiteMovingError,
    StaleStreamError,
    WireError,
    WireLimitError,
)
from raypp.io.private import write_private
from raypp.serving.access import Front, read_front_secret
from raypp.serving.status import Status, StatusError, status_of

_SECRET = b"0123456789abcdef"


def _refused(front: Front, *metadata: tuple[str, str | bytes]) -> Status:
    with pytest.raises(StatusError) as caught:
        front.token_of(metadata)
    assert "\n" not in str(caught.value)
    return caught.value.status


def test_the_token_is_what_follows_bearer() -> None:
    assert Front(None).token_of([("authorization", "Bearer abc")]) == "abc"
    assert Front(_SECRET).token_of([("Authorization", "bearer abc "), ("x-raypp-front", _SECRET.decode())]) == "abc"
    assert Front(_SECRET).token_of([("authorization", "Bearer abc"), ("x-raypp-front", _SECRET)]) == "abc"


def test_a_call_that_did_not_come_through_the_front_is_refused_whatever_its_token() -> None:
    token = ("authorization", "Bearer abc")
    assert _refused(Front(_SECRET), token) is Status.PERMISSION_DENIED
    for wrong in ("", "0123456789abcdeF", "0123456789abcdef0", "é", b"\xff"):
        assert _refused(Front(_SECRET), token, ("x-raypp-front", wrong)) is Status.PERMISSION_DENIED


@pytest.mark.parametrize("value", ["", "abc", "Basic abc", b"Bearer abc"])
def test_a_call_without_a_token_is_unauthenticated(value: str | bytes) -> None:
    assert _refused(Front(None), ("authorization", value)) is Status.UNAUTHENTICATED
    assert _refused(Front(None)) is Status.UNAUTHENTICATED


def test_a_front_secret_is_a_file_with_enough_bytes(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", _SECRET + b"\n")
    assert read_front_secret(tmp_path / "secret") == _SECRET
    write_private(tmp_path / "secret", b"short\n")
    with pytest.raises(OptionError, match="openssl rand") as caught:
        read_front_secret(tmp_path / "secret")
    assert "short" not in str(caught.value)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(OptionError, match=r"front secret .* is open to others \(mode 0644\)"):
        read_front_secret(tmp_path / "secret")
    with pytest.raises(OptionError, match="No such file"):
        read_front_secret(tmp_path / "nowhere")


def test_errors_of_ours_keep_their_words_and_others_tell_nothing() -> None:
    for error, status in (
        (WireError("w"), Status.INVALID_ARGUMENT),
        (WireLimitError("l"), Status.RESOURCE_EXHAUSTED),
        (StaleStreamError("s"), Status.ABORTED),
        (SiteMovingError("m"), Status.UNAVAILABLE),
    ):
        assert (status_of(error).status, str(status_of(error))) == (status, str(error))
    for foreign, status in (
        (ValueError("/secret/path"), Status.INTERNAL),
        (LedgerError("ledger sqlite:////secret/path is broken"), Status.INTERNAL),
        (LedgerUnavailableError("ledger postgresql://me@/secret/path: refused"), Status.UNAVAILABLE),
        (LedgerFullError("the disk under ledger /secret/path is full"), Status.UNAVAILABLE),
    ):
        assert status_of(foreign).status is status
        assert "secret" not in str(status_of(foreign))
