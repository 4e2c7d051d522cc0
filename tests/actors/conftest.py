"""What tests of actors share."""

from tests.edge.conftest import site

__all__ = ["site"]
