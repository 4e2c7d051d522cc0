"""What an audit no longer does twice: CPU of it now over before, in one process, and that the figures are the same.

Run: python -m benchmarks.audit_savings IMAGES FIT KEY WEIGHTS SIZE, with images to attack and the folder of a fit.
"""

import raypp  # noqa: F401, I001 - as the command does, before torch: it says how torch's threads wait

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from raypp.audit.attacks.reconstruct.many_keys import ManyKeys
from raypp.audit.attacks.reconstruct.several import UnderKeys
from raypp.audit.core.model import Attack, AttackTarget, Case, Need
from raypp.audit.lab import Lab
from raypp.audit.recognition import things
from raypp.audit.recognition.enlarging import enlarged
from raypp.audit.settings import AuditSettings
from raypp.audit.suite.case_builder import CaseInputs, case_of
from raypp.audit.suite.insider import DrawnEncoders
from raypp.audit.targets.target import VEIL
from raypp.detect.public import open_public
from raypp.veil.encoder_file import ENCODER_FILE, START_FILE, spec_and_encoder

Result = TypeVar("Result")

_KEYS, _STEPS, _VICTIMS = 60, 20, 4
_LIKELY = 0.25
_ATTACKS: dict[str, Attack] = {
    f"drawing {_KEYS} encoders": ManyKeys(_KEYS, _STEPS),
    f"drawing {_KEYS} encoders, under 4 keys": UnderKeys(ManyKeys(_KEYS, _STEPS), 4),
}
"""Each with a hundredth of its steps, so that drawing is nearly all of it."""


def main(images: str, fit: str, key: str, weights: str, size: str) -> None:
    torch.set_num_threads(1)
    spec, encoder = spec_and_encoder(Path(fit) / ENCODER_FILE)
    lab = Lab(
        AuditSettings(
            sources=(images,),
            out=Path(fit) / "audit",
            key_path=key,
            spec=spec,
            encoder=encoder,
            model=Path(fit) / START_FILE,
            weights=Path(weights),
            size=int(size),
        )
    )
    inputs = CaseInputs(lab.evidence, lab.settings.files[Need.MODEL], None, None, lab.insider)
    case = case_of(VEIL, lab.veil, inputs, 0)
    case = replace(case, victims=case.victims.take(range(_VICTIMS)))
    for name, attack in _ATTACKS.items():
        older, before = _timed(partial(attack.reconstruct, _looked_at_anew(case)))
        newer, now = _timed(partial(attack.reconstruct, case))
        _print(name, before, now, equal=bool(np.array_equal(older, newer)))
    detector = open_public(Path(weights))
    if detector is not None:
        objects = things.Objects.on(lab.evidence.victims.frames, detector)
        shown = lab.evidence.victims.frames[::-1].copy()
        seen, before = _timed(lambda: [detector.find(enlarged(frame), _LIKELY) for frame in shown])
        figures, now = _timed(lambda: objects.look(shown))
        there = sum(len(sightings) > 0 for sightings in objects.there)
        met = things._met(objects.there, seen)
        name = f"objects on {len(shown)} reconstructed images, {there} of them with one"
        _print(name, before, now, equal=figures.found == met)


def _looked_at_anew(case: Case) -> Case:
    """The case as it was before: each drawn encoder looks at the known images anew, and veils under each key."""
    drawn = case.target.random_key
    assert isinstance(drawn, DrawnEncoders)

    def anew(number: int) -> AttackTarget:
        encoder = DrawnEncoders(drawn.public, drawn.frames, drawn.spec)(number)
        return replace(encoder, other_owner_key=lambda _: replace(encoder, encode=partial(encoder.encode)))

    return replace(case, target=replace(case.target, random_key=anew))


def _timed(make: Callable[[], Result]) -> tuple[Result, float]:
    began = time.process_time()
    result = make()
    return result, time.process_time() - began


def _print(name: str, before: float, now: float, *, equal: bool) -> None:
    print(
        f"{name}: {now:.1f} of {before:.1f} CPU s, {now / before:.2f}; {'equal' if equal else 'NOT EQUAL'}", flush=True
    )


if __name__ == "__main__":
    main(*sys.argv[1:6])
