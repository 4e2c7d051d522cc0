"""The footage that is attacked, and what is known of it."""
