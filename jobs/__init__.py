"""Entry points for `ray job submit`: each wires raypp and actors into one pipeline and reports."""

import raypp  # noqa: F401 - before torch and Ray: it says how their threads wait
