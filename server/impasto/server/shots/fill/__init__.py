"""Paint for what no key sees, made after the keys."""
