"""Where keys come from: files, systemd's credentials, and files that an HSM, a vault or a KMS has wrapped."""
