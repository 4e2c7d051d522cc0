"""A learned veil under another key: its encoder, detectors and archives, with no training and no image decoded."""
