"""Engines that compute a detector: torch, and those that are given its network as ONNX."""
