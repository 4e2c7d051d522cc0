"""Drift without pixels: whether a camera's codes and detections are still those of its reference days."""
