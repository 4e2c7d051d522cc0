"""`python attack_steps.py IMAGES KEY`: CPU seconds of a tenth of the steps of attacks that learn, and what they find.

Prints a JSON object: for each attack on each target, seconds and mean correlation of detail.
"""

import raypp  # noqa: F401, I001 - as the command does, before torch: it says how torch's threads wait

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from raypp.audit.attacks.reconstruct.key_lost import KeyLost
from raypp.audit.attacks.reconstruct.many_keys import ManyKeys
from raypp.audit.attacks.reconstruct.perceptron import Perceptron
from raypp.audit.attacks.reconstruct.unet import UNet
from raypp.audit.core.model import Attack
from raypp.audit.lab import Lab
from raypp.audit.metrics import scores
from raypp.audit.settings import AuditSettings
from raypp.audit.suite.case_builder import CaseInputs, case_of
from raypp.audit.suite.suite import LINEAR_4, LINEAR_8
from raypp.audit.targets.target import VEIL

_SIZE, _STEPS, _PAIRS, _VICTIMS = 256, 200, 40, 12
_ATTACKS: dict[str, tuple[Attack, tuple[str, ...]]] = {
    "network": (UNet(_PAIRS, _STEPS), (VEIL, LINEAR_8)),
    "decoder for any key": (ManyKeys(4, _STEPS), (VEIL, LINEAR_4)),
    "inversion under the key": (KeyLost(_STEPS, 3), (VEIL,)),
    "perceptron": (Perceptron(_PAIRS, _STEPS), (VEIL, LINEAR_8)),
}


def main(images: str, key: str) -> None:
    settings = AuditSettings(sources=(images,), out=Path(images) / "audit", key_path=key, size=_SIZE)
    lab = Lab(settings)
    rows: dict[str, tuple[float, float]] = {}
    for name, (attack, targets) in _ATTACKS.items():
        for target in targets:
            case = case_of(target, lab.veil, CaseInputs(lab.evidence, None, None, None, None), settings.seed)
            case = replace(case, victims=case.victims.take(range(_VICTIMS)))
            began = time.process_time()
            reconstructed = attack.reconstruct(case)
            took = time.process_time() - began
            detail = scores.detail(reconstructed, case.victims.frames, settings.spec.patch)
            rows[f"{name} on {target}"] = took, float(np.nanmean(detail))
    print(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
