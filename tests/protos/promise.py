"""What the contract promises, as JSON that people can read; `python -m tests.protos.promise` records additions."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from tests.command import ROOT

PROTO = "protos/raypp.proto"
RECORDED = Path(__file__).with_name("promise.json")
Promise = dict[str, Any]


def compiled() -> FileDescriptorProto:
    """Compile the .proto as it is in the repository."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "set")
        assert protoc.main(["protoc", f"-I{ROOT}", f"--descriptor_set_out={out}", str(ROOT / PROTO)]) == 0
        return FileDescriptorSet.FromString(out.read_bytes()).file[0]


def promise(file: FileDescriptorProto) -> Promise:
    """Everything that a site or service of another version relies on, one entry each."""
    collected: Promise = {"package": file.package}
    for message in file.message_type:
        for field in message.field:
            kind = field.type_name or FieldDescriptorProto.Type.Name(field.type)
            label = FieldDescriptorProto.Label.Name(field.label)
            group = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None
            collected[f"{message.name} field {field.number}"] = [field.name, kind, label, group]
    for enum in file.enum_type:
        for value in enum.value:
            collected[f"{enum.name} value {value.number}"] = value.name
    for service in file.service:
        for method in service.method:
            streaming = [method.client_streaming, method.server_streaming]
            collected[f"{service.name} rpc {method.name}"] = [method.input_type, method.output_type, *streaming]
    return collected


def broken(recorded: Promise, now: Promise) -> list[str]:
    """Say which promises are not kept."""
    return [
        f"{what}: promised {was}, now {now.get(what, 'gone')}" for what, was in recorded.items() if now.get(what) != was
    ]


def main() -> int:
    """Record what has been added; refuse if a promise is broken."""
    now = promise(compiled())
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    wrong = broken(recorded, now)
    if wrong:
        print("\n".join(["these changes break the contract; add fields and methods instead:", *wrong]), file=sys.stderr)
        return 1
    RECORDED.write_text(json.dumps(now, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
