"""How long archives and ledgers keep what they hold: one policy, and its execution."""
