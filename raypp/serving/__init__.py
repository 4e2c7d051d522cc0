"""The service's decisions: models, limits, who may do what, and the admission of chunks; no Ray."""
