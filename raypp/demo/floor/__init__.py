"""The workshop's floor: people who put safety equipment on and off, with the exact truth of it."""
