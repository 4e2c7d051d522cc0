"""A real PKCS#11 token, SoftHSM of the system's packages, with an AES key."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")
PIN, WRONG_PIN = "4711-0815-31337", "1234-5678-99999"


@dataclass(frozen=True)
class SoftHsm:
    """A token.

    Attributes:
        module: its PKCS#11 module.
        pin_file: file of its user's PIN.
    """

    module: str
    pin_file: Path

    @property
    def uri(self) -> str:
        return "pkcs11:token=raypp;object=owner"

    def write_pin(self, pin: str) -> None:
        self.pin_file.write_text(pin + "\n")
        self.pin_file.chmod(0o600)

    def log_in(self) -> None:
        """Log in with the right PIN, whatever the file says."""
        import pkcs11

        module = pkcs11.lib(self.module)
        module.get_token(token_label="raypp").open(user_pin=PIN).close()
        module.finalize()

    def flags(self) -> int:
        import pkcs11

        module = pkcs11.lib(self.module)
        try:
            return int(module.get_token(token_label="raypp").flags)
        finally:
            module.finalize()


def started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    """Initialise a token in a folder, and name it by the environment."""
    pkcs11 = pytest.importorskip("pkcs11", reason="install raypp[keys-pkcs11]")
    module = next((path for path in _MODULES if Path(path).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed; install it with: apt-get install softhsm2")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    command = [
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        "raypp",
        "--pin",
        PIN,
        "--so-pin",
        "so-of-the-test",
    ]
    subprocess.run(command, check=True, capture_output=True)
    token = SoftHsm(module, folder / "pin")
    token.write_pin(PIN)
    monkeypatch.setenv("RAYPP_PKCS11_MODULE", module)
    monkeypatch.setenv("RAYPP_PKCS11_PIN_FILE", str(token.pin_file))
    loaded = pkcs11.lib(module)
    with loaded.get_token(token_label="raypp").open(rw=True, user_pin=PIN) as session:
        for label in ("owner", "other"):
            session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True)
        session.generate_keypair(pkcs11.KeyType.RSA, 2048, label="pair", store=True)
    loaded.finalize()
    return token
