"""Tests of the semantic tags."""
