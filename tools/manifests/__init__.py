"""Checks of Kubernetes manifests for raypp: `python -m tools.manifests FILE ...`."""
