"""Images that an attacker has beside their codes, and images that it is after."""

import pytest

from raypp.audit.core.model import Images
from tests.audit.images import shapes


@pytest.fixture(scope="session")
def known() -> Images:
    return shapes(8, (128, 96), 0)


@pytest.fixture(scope="session")
def victims() -> Images:
    return shapes(2, (128, 96), 1)
