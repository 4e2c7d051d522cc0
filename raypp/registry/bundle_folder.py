"""The folder that keeps the bundles of registered models, each by its digest: what is there is never changed."""

import hashlib
import shutil
from pathlib import Path

from raypp.errors import ModelError, OptionError
from raypp.io.atomic import whole_file
from raypp.io.private import private_folder
from raypp.ledger.model_values import RegisteredModel


def bundle_digest(path: Path) -> str:
    """Return the SHA-256 of a bundle's file, which is its model_id; raises ModelError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"bundle {path}: {error.strerror}; give the path of a file that `raypp export` wrote"
        ) from None


def keep_bundle(bundle: Path, folder: Path) -> tuple[str, Path]:
    """Copy a bundle into the folder, unless it is there; return its model_id and where it is.

    Args:
        bundle: the file that `raypp export` wrote.
        folder: where bundles are kept; it is made where it is not there.

    Raises:
        ModelError: if the bundle cannot be read, or changes while it is copied.
        OptionError: if the folder cannot be written to.
    """
    model_id = bundle_digest(bundle)
    kept = folder.absolute() / f"{model_id}.model"
    if kept.is_file() and bundle_digest(kept) == model_id:
        return model_id, kept
    try:
        private_folder(kept.parent)
        with whole_file(kept, private=True, durable=True) as part:
            shutil.copyfile(bundle, part)
            if bundle_digest(part) != model_id:
                raise ModelError(f"bundle {bundle} was replaced while it was copied; add it again")
    except OSError as error:
        raise OptionError(f"`keep_in` {folder}: {error.strerror}; name a folder that can be written to") from None
    return model_id, kept


def kept_bundle(model: RegisteredModel) -> Path:
    """Return where a model's bundle is; raises ModelError if it is not there, or was altered."""
    kept = Path(model.file)
    if not kept.is_file():
        raise ModelError(
            f"the bundle of model {model.label} is not at {kept}; `raypp model add` of its file mends that"
        )
    if bundle_digest(kept) != model.model_id:
        raise ModelError(f"the bundle of model {model.label} at {kept} was altered; `raypp model add` its file anew")
    return kept
