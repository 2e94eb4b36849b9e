"""Depth of coverage."""
