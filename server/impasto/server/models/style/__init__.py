"""Looks: nets and optimisers that paint one picture in the manner of another."""
