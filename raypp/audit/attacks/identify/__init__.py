"""Attacks that decide who or what a veiled frame shows."""
