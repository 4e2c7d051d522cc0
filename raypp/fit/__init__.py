"""Fitting a learned veil inside the perimeter: an encoder trained with a detector, against adversaries."""
