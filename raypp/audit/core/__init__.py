"""Values of an audit, which know no attack: targets, adversaries, rows, budgets."""
