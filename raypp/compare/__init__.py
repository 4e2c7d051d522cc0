"""What a veil costs: the same detector trained on plain pictures and on veiled ones, side by side."""
