"""`python -m raypp` is the `raypp` command."""

from raypp.cli.app import main

main()
