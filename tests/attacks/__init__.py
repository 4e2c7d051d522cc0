"""First attacks on a veil, as a test tool: what a code alone shows, and what a few known images open."""
