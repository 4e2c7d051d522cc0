"""A generator on disk: weights and what they learned from, in the owner's folder; its digest names it."""

import hashlib
from pathlib import Path

import safetensors.torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError

from raypp.detect.bundle import with_sorted_index
from raypp.detect.training_state import STATE_FILE
from raypp.errors import ConflictError, ModelError
from raypp.io.private import private_folder, write_private
from raypp.progress import Progress
from raypp.synthesis.frames import RealFrames
from raypp.synthesis.network import MaskedCodeNetwork
from raypp.synthesis.settings import SynthesisSettings
from raypp.synthesis.training import GeneratorTask, train_generator

REQUEST_FILE, WEIGHTS_FILE = "request.json", "generator.safetensors"
_REQUEST_KEY, _EPOCH_KEY = "raypp-generator", "epoch"


class GeneratorRequest(BaseModel):
    """Everything that fixes a generator; JSON in its folder, and in the metadata of its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 2
    veil_id: str
    dataset_version: str
    classes: tuple[str, ...]
    left_out: tuple[str, ...]
    epochs: int
    batch: int
    seed: int
    amp: bool | None

    @classmethod
    def of(cls, settings: SynthesisSettings, real: RealFrames) -> "GeneratorRequest":
        """Return the request of settings and the frames that they name."""
        return cls(
            veil_id=real.header.veil_id,
            dataset_version=real.dataset_version,
            classes=real.classes,
            left_out=real.left_out[1],
            epochs=settings.epochs,
            batch=settings.batch,
            seed=settings.seed,
            amp=settings.amp,
        )


class Generator:
    """A trained generator.

    Args:
        network: with its weights, in evaluation mode.
        digest: SHA-256 of its file, hex.
        epoch: of its weights, from 1.
    """

    def __init__(self, network: MaskedCodeNetwork, digest: str, epoch: int) -> None:
        self.network, self.digest, self.epoch = network, digest, epoch


def open_generator(folder: Path, request: GeneratorRequest, task: GeneratorTask, progress: Progress) -> Generator:
    """Train a generator, go on with it, or read it where it is trained.

    Args:
        folder: the owner's; made with mode 0700.
        request: what fixes it.
        task: its frames and schedule.
        progress: is told each epoch.

    Raises:
        ConflictError: if the folder holds a generator of another request.
        ModelError: if it is damaged.
    """
    private_folder(folder)
    path, text = folder / REQUEST_FILE, request.model_dump_json(indent=1).encode() + b"\n"
    if not path.exists():
        if any(folder.iterdir()):
            raise ConflictError(f"`generator` {folder} holds other files; choose an empty folder")
        write_private(path, text)
    elif path.read_bytes() != text:
        raise ConflictError(
            f"`generator` {folder} was begun on other data, epochs or seed, or by another raypp; use the same as "
            "before, or another folder"
        )
    weights = folder / WEIGHTS_FILE
    if not weights.exists():
        trained = train_generator(task, folder, progress)
        about = {"format": "pt", _REQUEST_KEY: request.model_dump_json(), _EPOCH_KEY: str(trained.epoch)}
        write_private(weights, with_sorted_index(safetensors.torch.save(trained.weights, about)))
        (folder / STATE_FILE).unlink(missing_ok=True)
    return _read(weights, task)


def _read(path: Path, task: GeneratorTask) -> Generator:
    content = path.read_bytes()
    network = task.network()
    try:
        network.load_state_dict(safetensors.torch.load(content))
        with safetensors.safe_open(path, framework="numpy") as file:
            epoch = int(file.metadata()[_EPOCH_KEY])
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"generator {path} is damaged ({type(error).__name__}); remove its folder, and train it again"
        ) from None
    return Generator(network.eval(), hashlib.sha256(content).hexdigest(), epoch)
