"""Split knowledge and dual control: a key that two of three persons open together, and the log of each use."""
