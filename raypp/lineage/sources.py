"""Sources of a dataset version by their plain names, from the owner's side of the archive."""

from collections import Counter
from pathlib import Path

from raypp.datasets.frames import place_of, read_version_frames
from raypp.datasets.version import DatasetVersion
from raypp.errors import ShardError
from raypp.ingest.plan_file import load_plan
from raypp.lineage.node import LineageKind, LineageNode
from raypp.shards.reader import ShardReader
from raypp.text.address import redacted
from raypp.text.wording import counted


def source_nodes(reader: ShardReader, version: DatasetVersion, private: Path) -> tuple[LineageNode, ...]:
    """Name the videos and images whose frames a version labels, each with its number of labelled frames.

    Args:
        reader: of the archive.
        version: the version.
        private: the owner's side of the archive, which holds its plan.

    Returns:
        One node a source, by plain name; URLs without user, password and query.

    Raises:
        ShardError: if the plan is missing or lacks a source.
    """
    frames = read_version_frames(reader, version)
    labelled = Counter(place_of(name).source for name in frames.labelled["place"].to_pylist())
    plan = load_plan(private)
    wanted = {receipt.segment_id for receipt in version.manifest.receipts}
    items = {item.source: item for segment in plan.segments.among(wanted) for item in segment.items}
    lacking = sorted(str(source) for source in labelled if source not in items)
    if lacking:
        raise ShardError(
            f"the plan in {private} lacks source {lacking[0]} of archive {reader.store.root}; give the private folder "
            "that belongs to it with `private`"
        )
    nodes = [
        LineageNode(
            kind=LineageKind.SOURCE,
            name=redacted(item.url),
            facts={
                "pseudonym": source,
                "camera": f"{item.site}/{item.camera}",
                "labelled": counted(labelled[source], "frame"),
            },
        )
        for source, item in items.items()
        if labelled[source]
    ]
    return tuple(sorted(nodes, key=lambda node: node.name))
