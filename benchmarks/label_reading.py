"""`python label_reading.py ARCHIVE VERSION`: peak memory of a process that reads the first labelled frame, in bytes."""

import sys
from pathlib import Path

from raypp.detect.inputs.batch import COLUMNS
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.labelled import labelled_rows

if __name__ == "__main__":
    archive, version = sys.argv[1:]
    dataset = VeiledDataset.open(archive, version)
    assert next(labelled_rows(archive, dataset.labels_version, "train", COLUMNS, None))
    status = Path("/proc/self/status").read_text()  # `ru_maxrss` would count what the parent held when it forked
    print(1024 * int(status.partition("VmHWM:")[2].split()[0]))
