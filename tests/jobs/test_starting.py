"""What Ray raises when it does not start is one line for the user, and nothing else is hidden."""

import pytest

from jobs.starting import start_told
from raypp.errors import RayppError


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (ConnectionError("Could not find any running Ray instance"), "no Ray answers at head:6379; check `address`"),
        (Exception("The current node timed out during startup. This could happen because"), "machine is too busy"),
    ],
)
def test_ray_that_does_not_start_is_one_line(raised: Exception, message: str) -> None:
    with pytest.raises(RayppError, match=message), start_told("head:6379"):
        raise raised


def test_anything_else_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError), start_told(None):
        raise KeyError("other")
