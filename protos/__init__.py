"""The gRPC contract between sites and service."""
