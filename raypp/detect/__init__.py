"""Detectors on codes: building, training, evaluating and exporting them."""
