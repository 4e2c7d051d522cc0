"""Counting objects on images that are veiled in memory: counts with intervals, sizes, and what cannot be told."""
