"""Files of configurations: what the owner writes, and what the owner has signed."""

from pathlib import Path

from raypp.edge.configuration.document import DeviceConfiguration, signer_of
from raypp.edge.configuration.refusal import ConfigurationRefusedError
from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.settings_file import as_model, read_settings_file
from raypp.wire.device import MOST_CONFIGURATION_BYTES

_FORM = "see docs/how-to/signed-configuration.md for the form"


def read_request(path: Path, site: str, device: str, number: int, times_us: tuple[int, int]) -> DeviceConfiguration:
    """Read what the owner wants of a device's cameras.

    Args:
        path: YAML, `cameras` by name.
        site: the site.
        device: the device.
        number: of the configuration.
        times_us: when it is issued, and until when it may be applied, microseconds since 1970.

    Raises:
        OptionError: naming the file, the field and what is wrong.
    """
    document = read_settings_file(path, "configuration", _FORM)
    if not isinstance(document, dict) or set(document) != {"cameras"}:
        raise OptionError(f"configuration {path} must have `cameras`, and nothing else; {_FORM}")
    whole = {
        "site": site,
        "device": device,
        "number": number,
        "issued_us": times_us[0],
        "expires_us": times_us[1],
        "cameras": _spelled(document["cameras"]),
    }
    read = as_model(DeviceConfiguration, whole, f"configuration {path}", _FORM)
    if len(read.canonical()) > MOST_CONFIGURATION_BYTES // 2:
        raise OptionError(f"configuration {path} is too large; draw its masks with fewer points")
    return read


def read_signed(path: Path) -> tuple[bytes, DeviceConfiguration]:
    """Read a signed configuration, whoever has signed it; its device asks for its owner's signature.

    Raises:
        OptionError: if it cannot be read, or is no signed configuration.
    """
    try:
        document = read_content(path, MOST_CONFIGURATION_BYTES)
        return document, DeviceConfiguration.read(document, signer_of(document))
    except (ContentError, ConfigurationRefusedError) as error:
        raise OptionError(f"{path}: {error}; have the owner sign it with `raypp device sign`") from None


def _spelled(cameras: object) -> object:
    """Return cameras with rates as text, as which YAML may have written a number."""
    if not isinstance(cameras, dict):
        return cameras
    return {
        str(name): camera | {"fps": str(camera["fps"])} if isinstance(camera, dict) and "fps" in camera else camera
        for name, camera in cameras.items()
    }
