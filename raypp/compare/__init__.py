"""The cost of a veil: the same detector trained on plain images and on veiled ones, side by side."""
