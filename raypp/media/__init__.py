"""Files -> frames: discovery, decoding, masks, letterboxing, labels beside the sources."""
