"""What a coordinator keeps on disk: plan, tokens, the place and the common weights. No update of a site."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.collective.plan import CollectivePlan
from raypp.collective.round_log import RoundLog
from raypp.collective.weights import Vector, vector_bytes
from raypp.errors import CollectiveError, ConflictError, ContentError
from raypp.io.atomic import write_bytes, write_text
from raypp.io.content import read_content
from raypp.io.private import create_secret, private_folder

STATE_FILE, TOKENS = "coordinator.json", "tokens"
_WEIGHTS = "weights-{:05d}.f32"
_MOST_BYTES = 8_000_000
_REMEDY = "restore it, or begin anew in another folder"


class CoordinatorState(BaseModel):
    """Where a training is.

    Attributes:
        plan: the plan.
        layers: digest of names and shapes of the shared weights.
        tokens: SHA-256 of each site's token, by name.
        round: the round that is to be carried out, from 1.
        attempt: number of the last attempt that was begun; none is used twice.
        model: digest of the common weights that the round starts from.
        frames: frames of all sites in the last sum; where updates are private, these sites.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: CollectivePlan
    layers: str
    tokens: dict[str, str]
    round: int = Field(1, ge=1)
    attempt: int = Field(0, ge=0)
    model: str
    frames: int = 0

    @property
    def finished(self) -> bool:
        """Whether the last round has been opened."""
        return self.round > self.plan.rounds


Initial = Callable[[CollectivePlan], tuple[str, Vector]]
"""Gives the digest of the layers of a plan, and the weights that it starts from."""


class CoordinatorStore:
    """The folder of a coordinator.

    Args:
        folder: it is there, and holds a training.
        state: what it holds.
    """

    def __init__(self, folder: Path, state: CoordinatorState) -> None:
        self.folder, self.state, self.log = folder, state, RoundLog(folder)

    @classmethod
    def open(cls, folder: Path, plan: CollectivePlan, initial: Initial) -> "CoordinatorStore":
        """Go on with the training in a folder, or begin it: draw a token for each site, and the first weights.

        Raises:
            ConflictError: if the folder holds another plan.
            CollectiveError: if what it holds is damaged.
        """
        path = folder / STATE_FILE
        if path.exists():
            store = cls(folder, _read(path))
            if store.state.plan.digest != plan.digest:
                raise ConflictError(
                    f"{folder} holds plan {store.state.plan.digest[:12]}, and this is {plan.digest[:12]}: a plan never "
                    "changes under sites that have accepted it; choose another `out`"
                )
            store.weights()
            return store
        layers, weights = initial(plan)
        private_folder(folder)
        tokens = {}
        for site in plan.sites:
            place = folder / TOKENS / f"{site}.token"
            place.unlink(missing_ok=True)  # of an opening that was stopped: nobody has been given it
            token = secrets.token_urlsafe(32)
            tokens[site] = hashlib.sha256(token.encode()).hexdigest()
            with create_secret(place, "token", CollectiveError) as file:
                file.write(token + "\n")
        content = vector_bytes(weights)
        state = CoordinatorState(plan=plan, layers=layers, tokens=tokens, model=hashlib.sha256(content).hexdigest())
        write_bytes(folder / _WEIGHTS.format(state.round), content, private=True, durable=True)
        store = cls(folder, state)
        store._save()
        store.log.add(0, 0, f"opened plan {plan.digest[:12]}", tuple(plan.sites))
        return store

    def site_of(self, token: str) -> str | None:
        """Return the site that a token was made for; None for none. Takes the same time for each."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        matching = [site for site, kept in self.state.tokens.items() if hmac.compare_digest(kept, digest)]
        return matching[0] if matching else None

    def weights(self) -> bytes:
        """Return the common weights that the round starts from, float32; raises CollectiveError if they are damaged."""
        path = self.folder / _WEIGHTS.format(self.state.round)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CollectiveError(f"weights {path}: {error.strerror}; {_REMEDY}") from None
        if hashlib.sha256(content).hexdigest() != self.state.model:
            raise CollectiveError(f"weights {path} are damaged; {_REMEDY}")
        return content

    def begin_attempt(self) -> int:
        """Note that an attempt begins, before anybody hears of it; returns its number."""
        self.state = self.state.model_copy(update={"attempt": self.state.attempt + 1})
        self._save()
        return self.state.attempt

    def publish(self, weights_P: Vector, frames: int) -> None:
        """Keep the weights that a round has given, and go on to the next one."""
        content, earlier = vector_bytes(weights_P), self.state.round
        following = {"round": earlier + 1, "model": hashlib.sha256(content).hexdigest(), "frames": frames}
        write_bytes(self.folder / _WEIGHTS.format(earlier + 1), content, private=True, durable=True)
        self.state = self.state.model_copy(update=following)
        self._save()
        (self.folder / _WEIGHTS.format(earlier)).unlink(missing_ok=True)

    def _save(self) -> None:
        write_text(self.folder / STATE_FILE, self.state.model_dump_json(indent=1) + "\n")


def read_coordinator(folder: Path) -> CoordinatorState:
    """Read where the training in a coordinator's folder is; raises CollectiveError."""
    return _read(folder / STATE_FILE)


def _read(path: Path) -> CoordinatorState:
    try:
        return CoordinatorState.model_validate_json(read_content(path, _MOST_BYTES))
    except ContentError as error:
        raise CollectiveError(f"{path} {error}; {_REMEDY}") from None
    except ValidationError:
        raise CollectiveError(f"{path} is damaged; {_REMEDY}") from None
