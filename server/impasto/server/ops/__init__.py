"""Pure tensor functions, one to a file."""
