"""Frame -> code: keys, specs, and the keyed, lossy, deterministic transformations of a frame."""
