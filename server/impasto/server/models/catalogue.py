"""Finds every model by looking through the folders beside this file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

from impasto.server import models
from impasto.server.errors import NotFound
from impasto.server.models.card import Family, Model


def _modules() -> Iterator[str]:
    for package in pkgutil.iter_modules(models.__path__, f"{models.__name__}."):
        if package.ispkg:
            folder = importlib.import_module(package.name)
            yield from (module.name for module in pkgutil.iter_modules(folder.__path__, f"{package.name}."))


@cache
def catalogue() -> dict[str, Model]:
    """Every model by id.

    Raises:
        ValueError: two models have one id.
    """
    found: dict[str, Model] = {}
    for name in _modules():
        model = getattr(importlib.import_module(name), "MODEL", None)
        if not isinstance(model, Model):
            continue
        if model.id in found:
            raise ValueError(f"Two models have the id '{model.id}'; the second stands in {name}.")
        found[model.id] = model
    return dict(sorted(found.items(), key=lambda item: (item[1].family, item[0])))


def find(model_id: str, family: Family) -> Model:
    """The model of this id and family.

    Raises:
        NotFound: there is none; the sentence lists those there are.
    """
    model = catalogue().get(model_id)
    if model is None or model.family != family:
        known = ", ".join(name for name, other in catalogue().items() if other.family == family)
        raise NotFound(f"There is no {family} model '{model_id}'; there are: {known}.", reason="MODEL_UNKNOWN")
    return model
