"""Thin Ray classes that own a device or a stream; the thinking is in raypp."""

import raypp  # noqa: F401 - before torch and Ray: it says how their threads wait
