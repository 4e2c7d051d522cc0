"""Keys come from files, systemd, HSMs, vaults and KMS, and are the same."""
