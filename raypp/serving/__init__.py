"""What the service decides: models, limits, who may do what, and the course of one stream; no Ray."""
