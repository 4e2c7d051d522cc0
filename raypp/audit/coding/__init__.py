"""How few bits codes take after an ideal coder, and what an image codec shows in as many."""
