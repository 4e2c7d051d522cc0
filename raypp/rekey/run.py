"""Rekeying from settings to the written encoder, models and archive."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import ConflictError
from raypp.execution import ExecutionSettings
from raypp.io.private import private_folder, write_private
from raypp.progress import SILENT, Progress
from raypp.rekey.archive import RekeyedArchive, rekey_archive, summary_of
from raypp.rekey.holders import archive_holding, check_holders, model_holding
from raypp.rekey.settings import ArchiveRekeying, RekeySettings
from raypp.rekey.work import prepare
from raypp.shards.place import refuse_within_archive
from raypp.veil.encoder_file import ENCODER_FILE
from raypp.veil.key import VeilKey
from raypp.veil.renaming import RekeyedEncoder, rekey_encoder

if TYPE_CHECKING:
    from raypp.rekey.model import RekeyedModel


class WrittenModel(BaseModel):
    """A bundle under the new key."""

    model_config = ConfigDict(frozen=True)

    path: Path
    exact: bool = Field(description="false where some sub-keys read by the mean of all")
    sub_keys: tuple[int | None, ...] = Field(description="which sub-key of the old key each reads as; none is the mean")


class RekeySummary(BaseModel):
    """Result of `raypp rekey`, as printed and as written by --json."""

    model_config = ConfigDict(frozen=True)

    old_veil_id: str
    veil_id: str = Field(description="the veil under the new key")
    old_fingerprint: str
    fingerprint: str = Field(description="of the new key")
    encoder: Path = Field(description="the encoder, sealed under the new key")
    models: tuple[WrittenModel, ...]
    archive: RekeyedArchive | None
    dry_run: bool = Field(description="whether nothing was written")


def run_rekey(
    settings: RekeySettings,
    execution: ExecutionSettings | None = None,
    progress: Progress = SILENT,
    *,
    dry_run: bool = False,
) -> RekeySummary:
    """Put a learned veil under another key: its encoder, detectors, and an archive.

    Everything is checked before anything is written, and what is there already is not written again.

    Args:
        settings: what is rekeyed.
        execution: where shards are translated; by default where it ends sooner.
        progress: is told how far it is.
        dry_run: check everything, and write nothing.

    Raises:
        OptionError: if options contradict each other, or one holder would learn how names go together.
        KeyFileError, SpecError: if a key or the encoder cannot be used, or something cannot be rekeyed exactly.
        ConflictError, ModelError, ShardError, MediaError: as `rekey_model` and `prepare`.
    """
    settings.check()
    execution = execution or ExecutionSettings()
    execution.check("workers")
    refuse_within_archive(settings.out, "the encoder")
    old, new = settings.load_keys()
    veil = rekey_encoder(settings.encoder_path, old, new)
    translated = settings.translated(veil)
    if not settings.reveals_mapping:
        _check_holders(settings, translated, old.veil_id(veil.old), new.veil_id(veil.new))
    encoder = settings.out / ENCODER_FILE
    is_sealed = encoder.exists()
    if is_sealed and not veil.is_sealed_in(encoder, new):
        raise ConflictError(f"{encoder} exists, and is not this encoder under the new key; choose another `out`")
    models = _rekeyed_models(settings, veil, (old, new))
    work = None if translated is None else prepare(translated, settings.sources, progress)
    archive = None if work is None else summary_of(work)
    if not dry_run:
        private_folder(settings.out)
        if not is_sealed:
            write_private(encoder, veil.seal(new))
        for model in models:
            model.write()
        archive = None if work is None else rekey_archive(work, execution, progress)
    return RekeySummary(
        old_veil_id=old.veil_id(veil.old),
        veil_id=new.veil_id(veil.new),
        old_fingerprint=old.fingerprint,
        fingerprint=new.fingerprint,
        encoder=encoder,
        models=tuple(WrittenModel(path=model.path, exact=model.exact, sub_keys=model.sub_keys) for model in models),
        archive=archive,
        dry_run=dry_run,
    )


def _rekeyed_models(
    settings: RekeySettings, veil: RekeyedEncoder, keys: tuple[VeilKey, VeilKey]
) -> "list[RekeyedModel]":
    if not settings.models:
        return []
    from raypp.rekey.model import rekey_model  # noqa: PLC0415 - torch only where there is a model

    return [rekey_model(path, veil, keys, settings) for path in settings.models]


def _check_holders(settings: RekeySettings, translated: ArchiveRekeying | None, old: str, new: str) -> None:
    before = [model_holding(path, old) for path in settings.models]
    after = [model_holding(settings.out / path.name, new) for path in settings.models]
    if translated is not None:
        before.append(archive_holding(translated.archive, old))
        after.append(archive_holding(translated.out, new))
    check_holders(before, after)
