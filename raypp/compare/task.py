"""An arm of a comparison where it runs: everything it needs is opened there, and its row written."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from raypp.compare import obfuscated as obscured
from raypp.compare.arm import ArmProgress, VeilFigures
from raypp.compare.arm_kind import ArmKind
from raypp.compare.comparison import FIGURES_FILE, ArmTask, veil_settings
from raypp.compare.images import read_images
from raypp.compare.rows import write_row
from raypp.compare.running import ArmInputs, VeiledArchive, run_arm
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.latent_map import MappedEncoder
from raypp.ingest.archive_id import sample_id
from raypp.ingest.plan_file import load_plan
from raypp.ingest.settings import VeilSettings
from raypp.io.private import private_umask
from raypp.veil.encoder_file import open_encoder
from raypp.veil.keyfile import load_owner_key
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import LearnedSpec


@private_umask()
def run_arm_task(task: ArmTask, report: ArmProgress) -> str:
    """Run one arm and write its row; returns its row_id."""
    images = read_images(task.data)
    settings = veil_settings(task)
    archive = _open_archive(task, settings) if settings else None
    folder = task.folder
    folder.mkdir(parents=True, exist_ok=True)
    figures, way = None, task.arm.obscuring
    if way is not None:
        plain, images = images, obscured.obscure(images, way, task.schedule.size, folder / "obscured")
        figures = obscured.figures(plain, images)
    inputs = ArmInputs(task.schedule, images, folder, archive, figures, task.wrong_keys, task.command, _mapped(task))
    row, matches = run_arm(task.arm, inputs, task.row_id, report)
    write_row(task.out, row, matches)
    return task.row_id


def run_arms_here(tasks: Sequence[ArmTask], report: Callable[[ArmTask], ArmProgress]) -> Iterator[str]:
    """Run arms one after another in this process."""
    for task in tasks:
        yield run_arm_task(task, report(task))


def _mapped(task: ArmTask) -> MappedEncoder | None:
    arm = task.arm
    if arm.kind is not ArmKind.HOMEOMORPHIC or arm.encoder is None or not isinstance(arm.spec, LearnedSpec):
        return None
    key = load_owner_key(task.key_path)
    return MappedEncoder(open_encoder(arm.encoder, arm.spec, key), arm.spec, arm.layers or 0, key)


def _open_archive(task: ArmTask, settings: VeilSettings) -> VeiledArchive:
    key = settings.load_key()
    root = Path(task.data).absolute()
    names = {
        sample_id(key, item.site, bytes.fromhex(item.identity), 0): str(Path(item.url).relative_to(root))
        for item in load_plan(settings.private).items()
    }
    figures = VeilFigures.model_validate_json((settings.private / FIGURES_FILE).read_bytes())
    network = None
    if isinstance(settings.spec, LearnedSpec) and settings.encoder_path is not None:
        network = EncoderNetwork(open_encoder(settings.encoder_path, settings.spec, key))
    return VeiledArchive(VeiledDataset.open(settings.out, None), figures, names, network)
