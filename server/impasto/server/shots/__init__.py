"""The picture-making: how a shot becomes a painted shot."""
