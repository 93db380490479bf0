"""Pictures between two pictures, one file per model."""
