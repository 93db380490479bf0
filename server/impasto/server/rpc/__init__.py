"""The door: the gRPC services, one to a file."""
