"""Checks of the tree that no linter has, for `make lint`: names, words, sizes and parameters."""
