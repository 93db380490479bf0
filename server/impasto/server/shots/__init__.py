"""The picture-making: how a shot becomes a painted shot."""

from impasto.server.shots.render import Painted, Recipe, render

__all__ = ["Painted", "Recipe", "render"]
