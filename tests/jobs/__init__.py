"""Tests of what runs on Ray."""
