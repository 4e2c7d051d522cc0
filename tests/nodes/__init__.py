"""Ray on several machines: a network namespace, processes, disk and memory of each, which are lost all at once."""
