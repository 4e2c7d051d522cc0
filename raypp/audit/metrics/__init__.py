"""How much of an image an attack has found."""
