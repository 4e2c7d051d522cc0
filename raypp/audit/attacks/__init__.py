"""Attacks, one module each: what the attacker knows, what he rebuilds or decides."""
