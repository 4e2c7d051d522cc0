"""The demo: a procedural workshop as a real archive, and the job that veils it."""
