"""Benchmark: rates of the machine that it runs on, for `raypp capacity`."""
