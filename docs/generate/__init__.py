"""What the docs site shows that no page under docs/ holds: references from code, and the results of benchmarks."""
