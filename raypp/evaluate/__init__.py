"""Judging detectors on veiled archives: scores, errors, suspected label errors, and their report."""
