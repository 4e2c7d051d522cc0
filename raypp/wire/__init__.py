"""The messages between sites and the service: codes and values as protobuf, and back."""
