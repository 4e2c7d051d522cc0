"""A lineage says what was done, for chains that were made at random; outside it names no source."""

import json
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from raypp.errors import ConflictError, ShardError
from raypp.lineage.croissant import describe_dataset
from raypp.lineage.node import LineageKind, LineageNode
from raypp.lineage.openlineage import to_events
from raypp.lineage.trace import LineageRequest, trace_lineage
from raypp.shards.reader import ShardReader
from raypp.train.provenance import code_version
from tests.lineage.chains import Chain, audited, make_chain

_SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))]


def _request(chain: Chain, *, inside: bool) -> LineageRequest:
    return LineageRequest(
        model=chain.model,
        archive=ShardReader(str(chain.archive)),
        certificate=chain.certificate,
        key=chain.key if inside else None,
        private=chain.folder / "veiled-private" if inside else None,
    )


def _node(root: LineageNode, kind: LineageKind) -> LineageNode:
    node = root.first(kind)
    assert node is not None, kind
    return node


@pytest.mark.parametrize("seed", _SEEDS)
def test_a_lineage_is_what_was_done(tmp_path: Path, seed: int) -> None:
    chain = make_chain(tmp_path, seed)
    root = trace_lineage(_request(chain, inside=True))
    dataset, archive = _node(root, LineageKind.DATASET), _node(root, LineageKind.ARCHIVE)
    assert dataset.name == chain.dataset.version
    assert dataset.facts.get("tag") == chain.dataset.tag
    assert dataset.facts["tags now"] == ", ".join(chain.tags)
    assert _node(root, LineageKind.LABELS).name == chain.dataset.labels_version
    assert _node(root, LineageKind.LABELS).facts["digest"] == chain.dataset.labels_digest
    assert (archive.name, archive.facts["frames"]) == (chain.dataset.manifest_digest, f"{chain.frames} frames")
    assert archive.facts["signed by"] == (chain.signer or "nobody, as it was then")
    assert _node(root, LineageKind.VEIL).name == chain.dataset.header.veil_id
    key = _node(root, LineageKind.KEY)
    assert (key.name, key.facts["epoch"]) == (chain.key.fingerprint, str(chain.key.epoch))
    assert _node(root, LineageKind.CODE).name == code_version()
    assert _node(root, LineageKind.WEIGHTS).facts.get("file") == chain.weights
    assert (root.first(LineageKind.CERTIFICATE) is not None) == (chain.certificate is not None)
    sources = [node for node in root.walk() if node.kind is LineageKind.SOURCE]
    assert {node.name.rpartition("/")[2] for node in sources} == chain.sources
    assert sum(int(node.facts["labelled"].split()[0]) for node in sources) == sum(chain.dataset.splits.values())
    _check_outside(chain)


def _check_outside(chain: Chain) -> None:
    """Nothing that goes out names a video, the folder of the videos, or the place of anything."""
    root = trace_lineage(_request(chain, inside=False))
    assert _node(root, LineageKind.KEY).facts["epoch"] == "told by the owner's key alone"
    events = list(to_events(root))
    texts = (root.model_dump_json(), *events, describe_dataset(ShardReader(str(chain.archive)), root))
    for text in texts:
        assert "secret-hall" not in text
        assert str(chain.folder) not in text
    jobs = [json.loads(event)["job"]["name"] for event in events]
    certified = ["audit"] if chain.certificate else []
    assert jobs[::2] == jobs[1::2] == [*certified, "label", "veil", "train"]
    for event in map(json.loads, events):
        assert event["eventType"] in {"START", "COMPLETE"}
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        assert str(UUID(event["run"]["runId"])) == event["run"]["runId"]
        assert {"producer", "schemaURL", "inputs", "outputs"} <= set(event)
        for facet in event["run"]["facets"].values():
            assert {"_producer", "_schemaURL"} <= set(facet)


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    chain, other = make_chain(tmp_path / "a", 0), make_chain(tmp_path / "b", 1)
    with pytest.raises(ShardError, match=f"no dataset version {chain.dataset.version}"):
        trace_lineage(LineageRequest(chain.model, archive=ShardReader(str(other.archive))))
    with pytest.raises(ConflictError, match="get the certificate of that veil"):
        trace_lineage(LineageRequest(chain.model, certificate=audited(other.folder, other.key)))
    with pytest.raises(ConflictError, match="is not that of the veil"):
        trace_lineage(LineageRequest(chain.model, archive=ShardReader(str(chain.archive)), key=other.key))
    with pytest.raises(ShardError, match="lacks source"):
        foreign = tmp_path / "b" / "veiled-private"
        trace_lineage(LineageRequest(chain.model, ShardReader(str(chain.archive)), private=foreign))
