import grpc
import pytest

from impasto.server.models.catalogue import catalogue
from impasto.server.models.style import presets
from impasto.v1.catalog_pb2 import ListModelsRequest, ListStylesRequest
from impasto.v1.catalog_pb2_grpc import CatalogServiceStub


def test_the_models_are_shown_well_enough_to_build_knobs_from(world):
    shown = CatalogServiceStub(world.channel).ListModels(ListModelsRequest(), timeout=60).models
    assert [model.id for model in shown] == list(catalogue())
    for model in shown:
        card = catalogue()[model.id]
        assert (model.family, model.summary) == (card.family, card.summary)
        assert [(p.name, p.default_value) for p in model.parameters] == [(p.name, p.default) for p in card.parameters]


def test_models_are_shown_by_family(world):
    shown = CatalogServiceStub(world.channel).ListModels(ListModelsRequest(family="flow"), timeout=60).models
    assert {model.family for model in shown} == {"flow"}
    with pytest.raises(grpc.RpcError, match="warp"):
        CatalogServiceStub(world.channel).ListModels(ListModelsRequest(family="warp"), timeout=60)


def test_models_whose_look_is_in_their_weights_paint_after_no_picture(world):
    shown = CatalogServiceStub(world.channel).ListModels(ListModelsRequest(), timeout=60).models
    painting = {model.id for model in shown if model.paints_after_pictures}
    assert {"swd", "adain"} <= painting
    assert {model.id for model in shown if model.family == "style"} - painting == {"johnson"}
    assert all(model.family == "style" for model in shown if model.paints_after_pictures)


def test_the_presets_are_shown_with_a_sentence_each(world):
    shown = CatalogServiceStub(world.channel).ListStyles(ListStylesRequest(), timeout=60).styles
    assert {style.name: style.summary for style in shown} == presets.presets()
