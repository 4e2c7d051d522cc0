"""Attacks, one module each: what the attacker knows, what he reconstructs or decides."""
