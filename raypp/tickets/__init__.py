"""Questions about labels that travel without pixels: the ML team opens them, the owner answers them."""
