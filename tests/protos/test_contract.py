"""The contract keeps its promises, and the generated code is that of the .proto."""

import json
from pathlib import Path

import pytest
from grpc_tools import protoc

from protos import raypp_pb2
from tests.command import ROOT
from tests.protos.promise import PROTO, RECORDED, broken, compiled, promise


def test_no_promise_of_the_contract_is_broken() -> None:
    assert broken(json.loads(RECORDED.read_text()), promise(compiled())) == []


def test_every_promise_is_recorded() -> None:
    assert json.loads(RECORDED.read_text()) == promise(compiled()), "run `make proto`"


def test_the_generated_code_is_of_the_proto(tmp_path: Path) -> None:
    kinds = ("--python_out", "--pyi_out", "--grpc_python_out")
    assert protoc.main(["protoc", f"-I{ROOT}", *(f"{kind}={tmp_path}" for kind in kinds), str(ROOT / PROTO)]) == 0
    for generated in (tmp_path / "protos").iterdir():
        assert generated.read_text() == (ROOT / "protos" / generated.name).read_text(), "run `make proto`"
    assert raypp_pb2.DESCRIPTOR.package == "raypp.v1"


def _removed_field() -> dict[str, object]:
    file = compiled()
    message = next(candidate for candidate in file.message_type if candidate.name == "Chunk")
    del message.field[1]
    return promise(file)


def _retyped_field() -> dict[str, object]:
    file = compiled()
    message = next(candidate for candidate in file.message_type if candidate.name == "Frame")
    message.field[0].type = 4
    return promise(file)


def _renumbered_value() -> dict[str, object]:
    file = compiled()
    file.enum_type[0].value[2].number = 99
    return promise(file)


def _removed_method() -> dict[str, object]:
    file = compiled()
    del file.service[0].method[0]
    return promise(file)


@pytest.mark.parametrize("change", [_removed_field, _retyped_field, _renumbered_value, _removed_method])
def test_a_breaking_change_is_found(change) -> None:
    assert len(broken(promise(compiled()), change())) == 1


def test_a_further_field_breaks_nothing() -> None:
    file = compiled()
    added = file.message_type[0].field.add(name="more", number=99, type=9, label=1)
    assert added.name == "more"
    assert broken(promise(compiled()), promise(file)) == []
