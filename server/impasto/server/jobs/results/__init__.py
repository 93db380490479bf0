"""What a job writes: frames with their passes, and what people look at beside them."""
