"""CatalogService: what the server can paint and measure with."""

from __future__ import annotations

import grpc

from impasto.server.errors import BadRequest
from impasto.server.models import catalogue, weights
from impasto.v1.catalog_pb2 import (
    ListModelsRequest,
    ListModelsResponse,
    ListStylesRequest,
    ListStylesResponse,
    ModelInfo,
    ModelParameter,
    StyleInfo,
)
from impasto.v1.catalog_pb2_grpc import CatalogServiceServicer


class CatalogService(CatalogServiceServicer):
    """Answers from the catalogue of models."""

    def ListModels(self, request: ListModelsRequest, context: grpc.ServicerContext) -> ListModelsResponse:  # noqa: N802
        """List the models, by family, then id."""
        if request.family not in ("", "flow", "style", "interpolation"):
            raise BadRequest(
                f"There is no family '{request.family}'; say flow, style or interpolation.", reason="FAMILY_UNKNOWN"
            )
        store = weights.Store(weights.default_folder())
        return ListModelsResponse(
            models=[
                ModelInfo(
                    id=model.id,
                    family=model.family,
                    summary=model.summary,
                    ready=not model.published or any(store.path(each).is_file() for each in model.published),
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
                )
                for model in catalogue.catalogue().values()
                if request.family in ("", model.family)
            ]
        )

    def ListStyles(self, request: ListStylesRequest, context: grpc.ServicerContext) -> ListStylesResponse:  # noqa: N802
        """List the styles known by name."""
        from impasto.server.models.style import presets

        return ListStylesResponse(
            styles=[StyleInfo(name=name, summary=summary) for name, summary in sorted(presets.presets().items())]
        )
