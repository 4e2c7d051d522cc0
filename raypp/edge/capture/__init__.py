"""From a camera to codes: capture processes, their clock, and the health of the camera."""
