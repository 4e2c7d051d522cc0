"""Micrographs of crystals in solution, with the exact truth of what lies where and how large it is."""
