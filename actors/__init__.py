"""Thin Ray classes that own a device or a stream; the thinking is in raypp."""
