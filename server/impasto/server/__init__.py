"""The inference server: paints shots. It knows tensors and never hears of Nuke."""

__version__ = "0.1.0"
