"""Motion between two pictures."""
