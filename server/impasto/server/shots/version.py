"""The version of the picture-making."""

ENGINE_VERSION = 17
"""Raised whenever the same job would give other pixels; part of every job's digest."""
