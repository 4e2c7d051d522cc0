"""Arms as a user names them on the command line."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from raypp.compare.arm import Arm
from raypp.compare.arm_kind import WAYS, ArmKind
from raypp.errors import OptionError
from raypp.io.fault import first_fault
from raypp.media.obfuscation import Obscuring
from raypp.veil.encoder_file import ENCODER_FILE, START_FILE, spec_and_encoder
from raypp.veil.spec import PatchSpec, VeilSpec, parse_spec

_DEFAULT = "default"
_MEASURES = {"pixelation": "side", "private-pixelation": "side", "blur": "sigma", "blackout": "number"}
"""Other ways to hide, and which of their fields is the number behind the name."""
_MOST_LAYERS = 32
_WAY = re.compile(rf"({'|'.join(_MEASURES)})(?:-(\d[^:=]*))?(?::(.*))?")
_OBSCURING: TypeAdapter[Obscuring] = TypeAdapter(Obscuring)
_OF_ARM = ("sub_keys_told", "adapter_rate", "variants", "fitted")


def parse_arm(text: str, seed: int) -> Arm:
    """Read one arm.

    Args:
        text: `plain`, `plain-cells` or `library`; another way to hide, of `WAYS`; `default` for the default veil;
            `NAME=FILE` for the spec in a file or the learned veil of an encoder file; `NAME=FOLDER` for the veil of a
            fit, started from what the fit left; `NAME:field=value,...` for the default spec with some fields
            changed; `homeomorphic:layers=N,base=FILE` for a learned encoder's values under a smooth keyed map;
            besides those of a spec, and after a file or folder: `variants`, `fitted`, `adapter_rate`
            (numbers), `sub_keys_told` (true or false).
        seed: the arm's seed.

    Raises:
        OptionError: if it is none of these.
        SpecError: if the spec is not valid.
    """
    if text in (ArmKind.PLAIN, ArmKind.PLAIN_CELLS, ArmKind.ULTRALYTICS):
        return Arm(name=text, kind=ArmKind(text), seed=seed)
    if way := _WAY.fullmatch(text):
        obscuring = _way(text, *way.groups())
        return Arm(name=obscuring.name, kind=ArmKind.OBSCURED, seed=seed, obscuring=obscuring)
    if text.partition(":")[0] == ArmKind.HOMEOMORPHIC:
        return _homeomorphic(text, seed)
    name, changed = text, {}
    encoder = start = None
    if ":" in text:
        name, _, fields = text.partition(":")
        changed = dict(_pair(pair, text) for pair in fields.split(","))
        spec = parse_spec(json.dumps(_without(changed, _OF_ARM)), f"arm {text}")
    elif "=" in text:
        name, _, rest = text.partition("=")
        place, _, fields = rest.partition(",")
        changed = dict(_pair(pair, text) for pair in fields.split(",") if pair)
        if others := changed.keys() - set(_OF_ARM):
            raise OptionError(f"`arms` {text}: a veil of a file has no {min(others)}; give any of {', '.join(_OF_ARM)}")
        spec, encoder, start = _from_place(Path(place))
    elif text == _DEFAULT:
        spec = PatchSpec()
    else:
        raise OptionError(
            f"`arms` {text} is none of plain, plain-cells, library, default, NAME=SPEC.json, NAME:field=value,..., "
            f"homeomorphic:layers=N,base=FILE, {WAYS}"
        )
    if not name or not all(letter.isalnum() or letter in "-_." for letter in name):
        raise OptionError(f"`arms` {text}: the name {name!r} may hold letters, digits, '-', '_' and '.' only")
    try:
        return Arm(
            name=name,
            kind=ArmKind.VEILED,
            seed=seed,
            spec=spec,
            variants=changed.get("variants", 0),
            fitted=changed.get("fitted", 0),
            sub_keys=changed.get("sub_keys_told", True),
            adapter_rate=changed.get("adapter_rate"),
            encoder=encoder,
            start=start,
        )
    except ValidationError as error:
        raise OptionError(f"`arms` {text}: {first_fault(error)}") from None


def _way(text: str, method: str, number: str | None, fields: str | None) -> Obscuring:
    """Read another way to hide: its method, the number behind that, and fields, as far as they were given."""
    pairs = [] if number is None else [f"{_MEASURES[method]}={number}"]
    values = dict(_pair(pair, text) for pair in (*pairs, *(fields.split(",") if fields else ())))
    try:
        return _OBSCURING.validate_python({"method": method, **values})
    except ValidationError as error:
        raise OptionError(f"`arms` {text}: {first_fault(error, tagged=True)}; write one of {WAYS}") from None


def _homeomorphic(text: str, seed: int) -> Arm:
    """Read the arm of a keyed map: how many layers it has, and the encoder whose values it maps."""
    values: dict[str, str] = {}
    for pair in text.partition(":")[2].split(","):
        field, equals, value = pair.partition("=")
        if not equals or field not in {"layers", "base"} or field in values:
            raise OptionError(f"`arms` {text}: write homeomorphic:layers=4,base=ENCODER, with an encoder.veil")
        values[field] = value
    layers = values.get("layers", "4")
    if not layers.isdecimal() or int(layers) > _MOST_LAYERS:
        raise OptionError(f"`arms` {text}: layers {layers} must be from 0 to {_MOST_LAYERS}")
    if "base" not in values:
        raise OptionError(f"`arms` {text}: name the encoder.veil of a fit with base=")
    if find_spec("zuko") is None:
        raise OptionError(f"`arms` {text} needs zuko; install raypp[flows]")
    spec, encoder, start = _from_place(Path(values["base"]))
    if encoder is None:
        raise OptionError(f"`arms` {text}: {values['base']} is no encoder of a learned veil; give an encoder.veil")
    name = f"{ArmKind.HOMEOMORPHIC}-{layers}"
    return Arm(
        name=name,
        kind=ArmKind.HOMEOMORPHIC,
        seed=seed,
        spec=spec,
        encoder=encoder,
        start=start,
        layers=int(layers),
    )


def _from_place(place: Path) -> tuple[VeilSpec, Path | None, Path | None]:
    """Return spec, encoder and starting checkpoint of a spec's file, an encoder's, or the folder of a fit."""
    if not place.is_dir():
        return *spec_and_encoder(place), None
    spec, encoder = spec_and_encoder(place / ENCODER_FILE)
    return spec, encoder, (place / START_FILE).absolute()


def _pair(pair: str, text: str) -> tuple[str, Any]:
    field, equals, value = pair.partition("=")
    if not equals:
        raise OptionError(f"`arms` {text}: {pair!r} must be field=value")
    try:
        return field.strip(), json.loads(value)
    except ValueError:
        raise OptionError(f"`arms` {text}: {value!r} must be a number, true or false") from None


def _without(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
