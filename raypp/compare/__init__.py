"""What a veil costs: the same detector trained on plain images and on veiled ones, side by side."""
