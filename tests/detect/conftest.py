"""Tests of detectors compute on one thread: threads that wait for one another are slow wherever something else runs."""

import torch

torch.set_num_threads(1)
