"""Where things are in a frame: the letterboxed square, the window that holds the frame, polygons."""
