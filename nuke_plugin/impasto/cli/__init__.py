"""The `impasto` command: what it says and takes, how it works and ends; what a user may say to it is in `commands`."""
