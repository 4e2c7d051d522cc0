"""Frames of a veiled archive that are to be forgotten: found, taken out of all that holds them, and vouched for."""
