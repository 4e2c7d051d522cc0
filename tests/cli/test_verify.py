"""`raypp verify` of a certificate, held against the fingerprint or the archive that its reader has from the owner."""

from pathlib import Path

import pytest

from raypp.audit.verdict.certificate import sign
from raypp.cli.verify import verify
from raypp.errors import CertificateError, OptionError, ShardError
from raypp.shards.manifest import compile_manifest
from raypp.shards.schema import HEADER_FILE
from raypp.shards.signature import SIGNATURE_FILE, sign_archive
from raypp.shards.store import Store
from raypp.veil.key import VeilKey
from tests.audit.rows import KEY, SPEC, certificate
from tests.shards.archives import header, row, write_segment

STRANGER = VeilKey(b"\x07" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "certificate.json").write_bytes(sign(certificate(), KEY))
    return tmp_path / "certificate.json"


def archive(folder: Path, key: VeilKey) -> Store:
    """A signed archive of the certificate's veil, made with a key."""
    store = Store(str(folder))
    head = header(key.veil_id(SPEC)).model_copy(update={"public_key": key.public_key.hex()})
    store.write_atomic(HEADER_FILE, head.to_bytes())
    write_segment(store, 0, [row(0)], archive=head)
    sign_archive(store, compile_manifest(store, head), {}, {}, key)
    return store


def test_a_certificate_of_the_given_key_and_archive_says_so(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify(str(path))
    assert "verified: signed by that key, and not altered since" in capsys.readouterr().err
    verify(str(path), fingerprint=KEY.fingerprint, of_archive=archive(tmp_path / "out", KEY).root)
    line = f"signed by the key you gave and the key and veil of archive {tmp_path / 'out'}, and not altered since"
    assert line in capsys.readouterr().err


def test_somebody_elses_self_signed_certificate_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=f"signed by {KEY.fingerprint}, not by {STRANGER.fingerprint}"):
        verify(str(path), fingerprint=STRANGER.fingerprint)
    with pytest.raises(CertificateError, match=f"and {STRANGER.fingerprint}; get the certificate of that veil"):
        verify(str(path), of_archive=archive(tmp_path / "out", STRANGER).root)


def test_an_archive_whose_signature_does_not_hold_vouches_for_no_certificate(path: Path, tmp_path: Path) -> None:
    store = archive(tmp_path / "out", KEY)
    signature = store.read(SIGNATURE_FILE)
    write_segment(store, 1, [row(1)], archive=header(KEY.veil_id(SPEC)))
    compile_manifest(store, header(KEY.veil_id(SPEC)).model_copy(update={"public_key": KEY.public_key.hex()}))
    assert store.read(SIGNATURE_FILE) == signature
    with pytest.raises(ShardError, match=f"is not the one that {KEY.fingerprint} signed"):
        verify(str(path), of_archive=store.root)


def test_options_that_do_not_fit_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is for a certificate"):
        verify(archive(tmp_path / "out", KEY).root, of_archive="other")
    with pytest.raises(OptionError, match="`fingerprint` 12"):
        verify(str(path), fingerprint="12")
