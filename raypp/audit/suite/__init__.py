"""Which attacks are made on what, and what each is given."""
