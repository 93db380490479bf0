"""What a user may say after `impasto`: one file a command."""
