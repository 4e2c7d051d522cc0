"""Labels in the formats that labelling tools write: one small reader for each, and the values that they give."""
