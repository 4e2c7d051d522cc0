"""What a key, a spec or an encoder file holds, as lines of name and value; of keys, only what is public."""

from pathlib import Path

from raypp.key_sources.wrapped_file import WRAPPED_MAGIC
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import DATA_MAGIC, kind_of, load_key
from raypp.veil.wrapping import describe_wrapped


def describe_key(path: Path) -> dict[str, str]:
    """Describe what is public of a key; raises KeyFileError if it cannot be read."""
    kind = kind_of(path)
    if kind == WRAPPED_MAGIC:
        return describe_wrapped(path)
    if kind == DATA_MAGIC:
        return {"data key": str(path), "opens": "shards, manifests and labels that were encrypted under it"}
    key = load_key(path)
    if isinstance(key, VeilKey):
        return {"owner's key": str(path), "fingerprint": key.fingerprint, "epoch": str(key.epoch)}
    return {
        "site key": str(path),
        "site": key.site,
        "cameras": ", ".join(key.cameras),
        "veil_id": key.veil_id(key.spec),
    }


def describe_spec(path: Path) -> dict[str, str]:
    """Describe a spec or an encoder file; raises SpecError if it is none."""
    spec, encoder = spec_and_encoder(path)
    bits = spec.channels * spec.bits
    return {
        "encoder" if encoder else "veil spec": str(path),
        "spec": spec.canonical().decode(),
        "cell": f"{spec.patch} x {spec.patch} pixels -> {spec.channels} values of {spec.bits} bits = {bits} bits "
        f"({bits / spec.patch**2:.2f} bits a pixel; a pixel has 24)",
    }
