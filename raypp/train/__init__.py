"""Training detectors on codes: the loop, its workers, and what a run leaves."""
