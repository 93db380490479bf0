import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from impasto.v1 import catalog_pb2, job_pb2, plate_pb2

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")


def buf(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([BUF, *arguments], cwd=cwd, capture_output=True, check=False)


@pytest.fixture
def changed_contract(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


def test_the_generated_code_is_that_of_the_protos():
    built = buf("build", "--as-file-descriptor-set", "--exclude-source-info", "--output", "-")
    files = {file.name: file for file in FileDescriptorSet.FromString(built.stdout).file}
    for module in (job_pb2, plate_pb2, catalog_pb2):
        generated = type(files[module.DESCRIPTOR.name])()
        module.DESCRIPTOR.CopyToProto(generated)
        expected = files[module.DESCRIPTOR.name]
        for message in expected.message_type:
            for member in message.field:
                member.ClearField("json_name")
        for message in generated.message_type:
            for member in message.field:
                member.ClearField("json_name")
        assert generated.name == expected.name
        assert [m.name for m in generated.message_type] == [m.name for m in expected.message_type]
        assert [list(map(str, m.field)) for m in generated.message_type] == [
            list(map(str, m.field)) for m in expected.message_type
        ], f"{module.__name__} is stale: run make protos"
        assert list(map(str, generated.service)) == list(map(str, expected.service))
        assert list(map(str, generated.enum_type)) == list(map(str, expected.enum_type))


def test_an_unchanged_contract_breaks_nothing(changed_contract: Path):
    assert buf("breaking", "--against", "protos/released.binpb", cwd=changed_contract).returncode == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("int32 frame = 1;\n  // The painting.", "string frame = 1;\n  // The painting."),
        ("optional float strength = 4;", "optional float strength = 14;"),
        ("rpc CancelJob(CancelJobRequest) returns (CancelJobResponse);", ""),
    ],
)
def test_a_planted_breaking_change_is_caught(changed_contract: Path, old: str, new: str):
    proto = changed_contract / "protos/impasto/v1/job.proto"
    text = proto.read_text()
    assert old in text
    proto.write_text(text.replace(old, new))
    assert buf("breaking", "--against", "protos/released.binpb", cwd=changed_contract).returncode != 0
