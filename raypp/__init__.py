"""raypp: distributed, streaming, privacy-preserving computer vision.

The names below are loaded when they are first used: `import raypp` needs neither torch, nor Ray, nor pyarrow.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raypp.api import (
        audit_veil,
        compare_veils,
        describe_file,
        evaluate_detector,
        export_detector,
        fit_veil,
        join_audits,
        load_detector,
        open_archive,
        open_ledger,
        rekey_veil,
        split_archive,
        train_detector,
        veil_archive,
        verify_archive,
        verify_certificate,
    )
    from raypp.audit.settings import AuditSettings
    from raypp.compare.arm import ComparisonSchedule
    from raypp.compare.arm_names import parse_arm
    from raypp.compare.comparison import Comparison
    from raypp.demo.sample_ledger import make_sample_ledger
    from raypp.demo.workshop.sample import make_sample
    from raypp.errors import RayppError
    from raypp.evaluate.frame_images import draw_veiled
    from raypp.evaluate.request import ChosenDetector
    from raypp.execution import ExecutionSettings
    from raypp.fit.settings import FitSettings
    from raypp.ingest.settings import VeilSettings
    from raypp.rekey.settings import RekeySettings
    from raypp.shards.encryption import DataKey
    from raypp.shards.split_by import SplitBy
    from raypp.shards.splitting import Split
    from raypp.train.settings import TrainSettings
    from raypp.veil.key import VeilKey
    from raypp.veil.keyfile import save_owner_key

# torch's threads wait for each other many times a step. By default they spin: where one of them has no CPU, the others
# burn theirs. OpenMP reads this when torch is imported, which no module of ours does before this one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
__all__ = [
    "AuditSettings",
    "ChosenDetector",
    "Comparison",
    "ComparisonSchedule",
    "DataKey",
    "ExecutionSettings",
    "FitSettings",
    "RayppError",
    "RekeySettings",
    "Split",
    "SplitBy",
    "TrainSettings",
    "VeilKey",
    "VeilSettings",
    "audit_veil",
    "compare_veils",
    "describe_file",
    "draw_veiled",
    "evaluate_detector",
    "export_detector",
    "fit_veil",
    "join_audits",
    "load_detector",
    "make_sample",
    "make_sample_ledger",
    "open_archive",
    "open_ledger",
    "parse_arm",
    "rekey_veil",
    "save_owner_key",
    "split_archive",
    "train_detector",
    "veil_archive",
    "verify_archive",
    "verify_certificate",
]
_ELSEWHERE = {
    "AuditSettings": "raypp.audit.settings",
    "ChosenDetector": "raypp.evaluate.request",
    "Comparison": "raypp.compare.comparison",
    "DataKey": "raypp.shards.encryption",
    "ExecutionSettings": "raypp.execution",
    "FitSettings": "raypp.fit.settings",
    "RayppError": "raypp.errors",
    "ComparisonSchedule": "raypp.compare.arm",
    "RekeySettings": "raypp.rekey.settings",
    "Split": "raypp.shards.splitting",
    "SplitBy": "raypp.shards.split_by",
    "TrainSettings": "raypp.train.settings",
    "VeilKey": "raypp.veil.key",
    "VeilSettings": "raypp.ingest.settings",
    "draw_veiled": "raypp.evaluate.frame_images",
    "make_sample": "raypp.demo.workshop.sample",
    "make_sample_ledger": "raypp.demo.sample_ledger",
    "parse_arm": "raypp.compare.arm_names",
    "save_owner_key": "raypp.veil.keyfile",
}
"""Where public names are that are not in `raypp.api`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'raypp' has no attribute {name!r}")
    public = getattr(import_module(_ELSEWHERE.get(name, "raypp.api")), name)
    globals()[name] = public
    return public


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
