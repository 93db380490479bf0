"""The `impasto` command."""
