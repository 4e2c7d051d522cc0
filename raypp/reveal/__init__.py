"""Give plain frames back: for the owner of key and sources alone."""
