"""What Ray raises when it does not start, told in one line; imports no Ray, which reads the environment on import."""

from collections.abc import Iterator
from contextlib import contextmanager

from raypp.errors import RayppError


@contextmanager
def start_told(address: str | None) -> Iterator[None]:
    """Raise RayppError if the block's `ray.init` fails: no Ray answers at the address, or a local one is too slow."""
    try:
        yield
    except ConnectionError:
        raise RayppError(f"no Ray answers at {address}; check `address`, or leave it out for a local Ray") from None
    except Exception as error:
        if "timed out during startup" not in str(error):  # Ray raises a bare Exception
            raise
        raise RayppError("Ray did not start within its time; the machine is too busy, try again") from None
