"""Text as people may see it: without secrets and control characters, numbers as people say them."""
