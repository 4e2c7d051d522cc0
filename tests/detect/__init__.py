"""Tests of detectors on codes."""
