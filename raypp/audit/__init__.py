"""Attacks on a veil on the owner's own images, and what they found: rows, a report, a signed certificate."""
