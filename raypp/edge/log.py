"""The log of an agent."""

from collections.abc import Callable
from typing import TypeAlias

Log: TypeAlias = Callable[[str], None]
"""Takes one line for the operator."""
