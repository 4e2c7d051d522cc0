"""The public Python API: what a notebook or a pipeline calls.

Values go in, frozen values come out. Errors are those of `raypp.errors`, and name a field and its limit. Files and
folders are given as text or as paths. Wherever `progress` is taken, it is called with one line of text now and then,
such as `print`.

Wherever `on` is taken, it says where work runs: "local" is this process, "ray" is Ray, and "auto" chooses as the
command line does: Ray where that, with its start, ends sooner. An `ExecutionSettings` also names a running Ray, and
how much of it the work may take.
"""

from raypp.api.archives import open_archive, split_archive, veil_archive, verify_archive
from raypp.api.detectors import evaluate_detector, export_detector, load_detector, train_detector
from raypp.api.files import describe_file
from raypp.api.ledgers import open_ledger
from raypp.api.veils import audit_veil, compare_veils, fit_veil, join_audits, rekey_veil, verify_certificate

__all__ = [
    "audit_veil",
    "compare_veils",
    "describe_file",
    "evaluate_detector",
    "export_detector",
    "fit_veil",
    "join_audits",
    "load_detector",
    "open_archive",
    "open_ledger",
    "rekey_veil",
    "split_archive",
    "train_detector",
    "veil_archive",
    "verify_archive",
    "verify_certificate",
]
# Every function imports its room when it is called: `import raypp` needs neither torch nor pyarrow.
