"""Statistics over figures of several owners, none of whom shows its own: by secure multi-party computation."""
