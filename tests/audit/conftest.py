"""Pictures that an attacker has beside their codes, and pictures that it is after."""

import pytest

from raypp.audit.core.model import Pictures
from tests.audit.pictures import shapes


@pytest.fixture(scope="session")
def known() -> Pictures:
    return shapes(8, (128, 96), 0)


@pytest.fixture(scope="session")
def victims() -> Pictures:
    return shapes(2, (128, 96), 1)
