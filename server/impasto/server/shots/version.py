"""The version of the picture-making."""

ENGINE_VERSION = 16
"""Raised whenever the same job would give other pixels; part of every job's digest."""
