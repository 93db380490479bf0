"""EXR in and out, colour and shaper, without torch: a picture file becomes a Plate and back, losing nothing."""
