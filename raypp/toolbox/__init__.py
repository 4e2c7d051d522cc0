"""Research tools that come in: packed, tried, approved by two persons, run shut in; only vetted output leaves."""
