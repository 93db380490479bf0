"""`python -m impasto.cli` is the `impasto` command."""

from impasto.cli.main import main

main()
