"""raypp: distributed, streaming, privacy-preserving computer vision."""

__version__ = "0.1.0"
