"""What travels between sites and the service: codes and values as protobuf messages, and back."""
