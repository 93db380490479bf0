"""File patterns and frame ranges, the same for client and server."""
