"""Synthetic veiled frames: a generator that learns codes inside the perimeter, and an archive of what it draws."""
