"""Attacks on a veil on the owner's own pictures, and what they found: rows, a report, a signed certificate."""
