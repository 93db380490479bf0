"""A job from the asking to the last frame: spec, plan, store, cache, run."""
