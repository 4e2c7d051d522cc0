"""Errors name fields of the Python API; a person at the command line reads the flags that set them."""

import re

_FIELD = re.compile(r"`([a-z][a-z0-9_]*)`")
_SAME = [
    "address",
    "adversary_rate",
    "allow_unlabelled",
    "archive",
    "batch",
    "by",
    "camera",
    "chunk_frames",
    "cpus",
    "device",
    "engine",
    "epochs",
    "event_log",
    "fingerprint",
    "force",
    "front_secret_file",
    "gpus",
    "half",
    "hide",
    "host",
    "http_host",
    "insecure",
    "keyframes",
    "ledger",
    "masks",
    "members",
    "mlflow",
    "model",
    "nominal_batch",
    "on",
    "out",
    "passphrase_file",
    "private",
    "report",
    "restart",
    "sample_ids",
    "server",
    "shard_mb",
    "site",
    "size",
    "sources",
    "spec",
    "spool",
    "time_from",
    "timezone",
    "tls",
    "to",
    "tone",
    "unchecked",
    "val",
    "variants",
    "warm_up",
    "weights",
    "workers",
]
FLAGS = {name: "--" + name.replace("_", "-") for name in _SAME} | {
    "adversaries": "--adversary",
    "architecture": "--model",
    "arms": "--arm",
    "ca_path": "--ca",
    "cameras": "--camera",
    "cert_key_path": "--cert-key",
    "cert_path": "--cert",
    "chunk_s": "--chunk-seconds",
    "data_key": "--data-key",
    "data_key_path": "--data-key",
    "formats": "--format",
    "fps": "--fps",
    "from_": "--from",
    "gap_s": "--gap-seconds",
    "key_path": "--key",
    "labels_version": "--labels",
    "masks_path": "--masks",
    "models": "--model",
    "rate": "--rate",
    "tools": "--tool",
    "segment_s": "--segment-seconds",
}
"""The flag of each field that an error of a room names in backquotes."""


def with_flags(text: str) -> str:
    """Return a text in which each field in backquotes, such as `shard_mb`, is its flag, such as --shard-mb.

    Commands in backquotes, such as `raypp veil`, and names of other documents' fields stay as they are.
    """
    return _FIELD.sub(lambda match: FLAGS.get(match[1], match[0]), text)
