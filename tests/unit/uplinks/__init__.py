"""Tests of uplinks."""
