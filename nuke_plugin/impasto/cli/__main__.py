"""`python -m impasto.cli` is the `impasto` command."""

from impasto.cli.main import main

if __name__ == "__main__":
    main()
