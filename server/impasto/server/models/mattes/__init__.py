"""Nets that judge what is hidden in the neighbouring frame."""
