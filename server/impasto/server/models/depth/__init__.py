"""Depth from one picture, one file per model."""
