"""What is asked: read out of its message, checked, and fixed in a plan and a digest before any work."""
