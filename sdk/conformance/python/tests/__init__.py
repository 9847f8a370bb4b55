"""Tests of the plugin of the conformance cases."""
