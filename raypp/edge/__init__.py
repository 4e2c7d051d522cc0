"""The edge: cameras are watched, veiled and streamed beside them, and nothing is lost while the link is down."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # else each connection that ends is a line on stderr
