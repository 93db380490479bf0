"""What can be computed with: one file, one model, found by looking."""
