"""`python -m raypp` is the `raypp` command."""

from raypp.cli import main

main()
