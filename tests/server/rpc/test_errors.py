import re
from pathlib import Path

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status
from world import serving

from impasto.server import errors
from impasto.server.rpc.errors import status_of
from impasto.v1.job_pb2 import CreateJobRequest, GetJobRequest

PROJECT = Path(__file__).resolve().parents[3]


def info_of(status):
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BadRequest("x"), code_pb2.INVALID_ARGUMENT),
        (errors.NotFound("x"), code_pb2.NOT_FOUND),
        (errors.NotReady("x"), code_pb2.FAILED_PRECONDITION),
        (errors.NotReady("x", reason="SERVER_STOPPING"), code_pb2.UNAVAILABLE),
        (errors.NoRoom("x"), code_pb2.RESOURCE_EXHAUSTED),
        (errors.Denied("x"), code_pb2.PERMISSION_DENIED),
        (errors.Unauthenticated("x"), code_pb2.UNAUTHENTICATED),
        (errors.PlateError("x"), code_pb2.INVALID_ARGUMENT),
        (errors.Cancelled("x"), code_pb2.CANCELLED),
        (errors.ImpastoError("x"), code_pb2.INTERNAL),
    ],
)
def test_every_error_has_a_code_a_sentence_and_a_reason(error, code):
    status = status_of(error)
    assert (status.code, status.message) == (code, "x")
    assert (info_of(status).reason, info_of(status).domain) == (error.reason, "impasto")


def test_an_error_nobody_meant_shows_a_number_and_nothing_of_itself():
    status = status_of(ZeroDivisionError("/secret/path"))
    assert status.code == code_pb2.INTERNAL
    assert "secret" not in str(status)
    assert info_of(status).metadata["log"] in status.message


def test_facts_travel_with_the_error():
    assert info_of(status_of(errors.FrameError("x", frame=7))).metadata["frame"] == "7"


def test_a_call_ends_with_the_status_the_client_reads(world):
    with pytest.raises(grpc.RpcError) as caught:
        world.jobs.GetJob(GetJobRequest(name="jobs/none"), timeout=10)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "jobs/none" in caught.value.details()
    assert info_of(rpc_status.from_call(caught.value)).reason == "JOB_UNKNOWN"


def test_a_stream_ends_with_the_status_the_client_reads(world):
    with pytest.raises(grpc.RpcError) as caught:
        world.watch("jobs/none")
    assert info_of(rpc_status.from_call(caught.value)).reason == "JOB_UNKNOWN"


def test_an_empty_job_is_a_bad_request(world):
    with pytest.raises(grpc.RpcError) as caught:
        world.jobs.CreateJob(CreateJobRequest(), timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def reasons_in_code():
    """Every reason that stands in the code, server and client."""
    found = set()
    for folder in ("server", "nuke_plugin"):
        for file in (PROJECT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            found |= set(re.findall(r"""\breason(?:: str)? ?= ?["']([A-Z][A-Z_]+)["']""", text))
            found |= set(re.findall(r"""default_reason = ["']([A-Z_]+)["']""", text))
            found |= set(re.findall(r"""frame_failed\([^"]*?["']([A-Z_]+)["'],""", text))
            found |= set(re.findall(r"""reason, message = ["']([A-Z_]+)["']""", text))
    return found


def test_the_page_of_errors_lists_every_reason_and_no_other():
    page = (PROJECT / "docs/guides/errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert {"missing": sorted(reasons_in_code() - set(listed)), "unused": sorted(set(listed) - reasons_in_code())} == {
        "missing": [],
        "unused": [],
    }


@pytest.mark.parametrize("name", ["JobService/CreateJob", "JobService/WatchJob", "PlateService/Upload"])
def test_a_request_that_is_no_message_is_refused_in_a_sentence(tmp_path, name):
    with serving(tmp_path / "s") as (_, caller):
        call = {
            "JobService/CreateJob": caller.channel.unary_unary,
            "JobService/WatchJob": caller.channel.unary_stream,
            "PlateService/Upload": caller.channel.stream_unary,
        }[name](f"/impasto.v1.{name}")
        request = iter([b"\xff\xff"]) if "Upload" in name else b"\xff\xff"
        with pytest.raises(grpc.RpcError) as caught:
            list(call(request, timeout=10))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "no message" in caught.value.details()
