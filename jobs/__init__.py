"""Entry points for `ray job submit`: each wires raypp and actors into one pipeline and reports."""
