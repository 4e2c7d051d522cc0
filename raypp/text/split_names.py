"""Names of the splits that labels have; this module imports nothing heavy."""

TRAIN, VAL = "train", "val"
