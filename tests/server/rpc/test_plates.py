import hashlib
import os

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from impasto.v1.plate_pb2 import (
    DownloadRequest,
    FindMissingRequest,
    UploadHeader,
    UploadRequest,
)


def name(content):
    return hashlib.sha256(content).hexdigest()


def send(world, content, *, sha256="", size=None, offset=0, chunk=1 << 20):
    header = UploadHeader(sha256=sha256 or name(content), size=len(content) if size is None else size, offset=offset)
    requests = [UploadRequest(header=header)]
    requests += [UploadRequest(chunk=content[at : at + chunk]) for at in range(offset, len(content), chunk)]
    return world.plates.Upload(iter(requests), timeout=30).received


def fetch(world, sha256, offset=0):
    answers = world.plates.Download(DownloadRequest(sha256=sha256, offset=offset), timeout=30)
    return b"".join(answer.chunk for answer in answers)


def missing(world, *names):
    return {f.sha256: f.received for f in world.plates.FindMissing(FindMissingRequest(sha256=names), timeout=10).files}


def reason(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    info = error_details_pb2.ErrorInfo()
    rpc_status.from_call(caught.value).details[0].Unpack(info)
    return info.reason


def test_what_is_sent_is_fetched_again_in_chunks(world):
    content = os.urandom((1 << 20) * 2 + 17)
    assert list(missing(world, name(content))) == [name(content)]
    assert send(world, content) == len(content)
    assert missing(world, name(content)) == {}
    assert fetch(world, name(content)) == content
    assert fetch(world, name(content), offset=1 << 20) == content[1 << 20 :]
    assert fetch(world, name(content), offset=len(content)) == b""
    assert send(world, content) == len(content)


def test_an_empty_file_is_a_file(world):
    assert send(world, b"") == 0
    assert missing(world, name(b"")) == {}


def test_an_upload_goes_on_from_what_was_received(world):
    content = os.urandom(5000)
    assert send(world, content[:2000], sha256=name(content), size=5000) == 2000
    assert missing(world, name(content)) == {name(content): 2000}
    assert send(world, content, offset=2000) == 5000
    assert fetch(world, name(content)) == content


def test_missing_files_come_in_the_order_asked(world):
    names = [name(os.urandom(8)) for _ in range(4)]
    assert list(missing(world, *names, names[0])) == names


def test_wrong_transfers_are_refused_by_name(world):
    content = os.urandom(100)
    header = UploadRequest(header=UploadHeader(sha256=name(content), size=100))
    upload = world.plates.Upload
    assert reason(lambda: upload(iter([]), timeout=10)) == "UPLOAD_INVALID"
    assert reason(lambda: upload(iter([UploadRequest(chunk=b"x")]), timeout=10)) == "UPLOAD_INVALID"
    assert reason(lambda: upload(iter([header, header]), timeout=10)) == "UPLOAD_INVALID"
    assert reason(lambda: send(world, content, sha256="../../etc/passwd")) == "DIGEST_INVALID"
    assert reason(lambda: send(world, content, sha256=name(b"else"))) == "UPLOAD_CORRUPT"
    assert reason(lambda: send(world, content, size=99)) == "UPLOAD_CORRUPT"
    assert reason(lambda: send(world, content, offset=50)) == "UPLOAD_OFFSET"
    assert reason(lambda: send(world, content, size=1 << 50)) == "FILE_TOO_LARGE"
    assert reason(lambda: missing(world, "A" * 64)) == "DIGEST_INVALID"
    assert reason(lambda: fetch(world, "a" * 64)) == "FILE_UNKNOWN"
    assert reason(lambda: fetch(world, "..")) == "DIGEST_INVALID"
    send(world, content)
    assert reason(lambda: fetch(world, name(content), offset=101)) == "VALUE_INVALID"
