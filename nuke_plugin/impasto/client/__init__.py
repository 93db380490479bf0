"""The Python API over gRPC: no Nuke, no torch."""
