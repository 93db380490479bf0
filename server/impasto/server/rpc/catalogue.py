"""CatalogService: what the server can paint and measure with."""

from __future__ import annotations

from typing import get_args

import grpc

from impasto.server.errors import BadRequest
from impasto.server.models import catalogue, weights
from impasto.server.models.card import Family, Model
from impasto.v1.catalog_pb2 import (
    ListModelsRequest,
    ListModelsResponse,
    ListStylesRequest,
    ListStylesResponse,
    ModelInfo,
    ModelParameter,
    StyleInfo,
    WeightsInfo,
)
from impasto.v1.catalog_pb2_grpc import CatalogServiceServicer


class CatalogService(CatalogServiceServicer):
    """Answers from the catalogue of models."""

    def ListModels(self, request: ListModelsRequest, context: grpc.ServicerContext) -> ListModelsResponse:  # noqa: N802
        """List the models, by family, then id."""
        if request.family not in ("", *get_args(Family)):
            raise BadRequest(
                f"There is no family '{request.family}'; say one of {', '.join(get_args(Family))}.",
                reason="FAMILY_UNKNOWN",
            )
        store = weights.Store(weights.default_folder())
        models = [model for model in catalogue.catalogue().values() if request.family in ("", model.family)]
        return ListModelsResponse(models=[_told(model, store) for model in models])

    def ListStyles(self, request: ListStylesRequest, context: grpc.ServicerContext) -> ListStylesResponse:  # noqa: N802
        """List the styles known by name."""
        from impasto.server.models.style import presets

        return ListStylesResponse(
            styles=[StyleInfo(name=name, summary=summary) for name, summary in sorted(presets.presets().items())]
        )


def _told(model: Model, store: weights.Store) -> ModelInfo:
    """A model as the contract shows it."""
    from impasto.server.models.style.looks import DEFAULT_LOOK, ONE_LOOK

    return ModelInfo(
        id=model.id,
        family=model.family,
        summary=model.summary,
        ready=not model.choices or any(store.here(each) for each in model.choices),
        licence=model.weights.licence if model.weights else "",
        parameters=[
            ModelParameter(
                name=known.name,
                help=known.help,
                default_value=known.default,
                minimum=known.minimum,
                maximum=known.maximum,
            )
            for known in model.parameters
        ],
        weights=[
            WeightsInfo(
                file=each.file,
                sha256=each.sha256,
                size=each.size,
                licence=each.licence,
                source=each.source,
                trained_on=each.trained_on,
                metrics=each.metrics,
                ready=store.path(each).is_file(),
                beside=[other.file for other in each.beside],
            )
            for each in model.published
        ],
        default_choice=model.id == DEFAULT_LOOK,
        paints_after_pictures=model.family == "style" and model.id != ONE_LOOK,
    )
