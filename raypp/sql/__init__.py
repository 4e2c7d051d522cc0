"""SQL over archives, labels, episodes and reports, by DuckDB: read only, of nothing but their views."""
