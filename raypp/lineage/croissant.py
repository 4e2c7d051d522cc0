"""A dataset version as Croissant, the JSON-LD description of datasets for machine learning (MLCommons, 1.0)."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from raypp.datasets.version import find_version
from raypp.lineage.node import LineageNode
from raypp.shards.manifest import MANIFEST_FILE
from raypp.shards.reader import ShardReader

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_PARQUET = "application/x-parquet"
_FIELDS = {"sample_id": "sc:Text", "split": "sc:Text", "variant": "sc:Integer"}


def describe_dataset(reader: ShardReader, model: LineageNode) -> str:
    """Describe the dataset version that a model was trained on, with a digest for each file; returns JSON-LD.

    It names no class, no source and no place: paths are those within the archive.

    Args:
        reader: of the archive.
        model: the root of the lineage.

    Raises:
        ShardError: if the archive does not hold the version.
    """
    dataset = next(node for node in model.origins if node.kind == "dataset")
    version = find_version(reader.store, dataset.name)
    labels = f"labels/{version.labels.version}/labels.parquet"
    files = [
        _file("labels", labels, hashlib.sha256(reader.store.read(labels)).hexdigest()),
        *(
            _file(f"shard-{receipt.segment_id}", receipt.shard, receipt.shard_sha256)
            for receipt in version.manifest.receipts
            if receipt.shard
        ),
    ]
    if version.current:
        files.append(_file("manifest", MANIFEST_FILE, hashlib.sha256(reader.store.read(MANIFEST_FILE)).hexdigest()))
    written = datetime.fromtimestamp(version.written_us / 1e6, UTC)
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"raypp-{version.digest}",
        "description": f"Veiled frames of veil {version.manifest.header.veil_id} with labels {version.labels.version}.",
        "datePublished": written.date().isoformat(),
        "url": f"urn:raypp:dataset:{version.digest}",
        "distribution": files,
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "labelled-frames",
                "name": "labelled-frames",
                "field": [_field(name, kind) for name, kind in _FIELDS.items()],
            }
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _file(name: str, path: str, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": path,
        "encodingFormat": _PARQUET,
        "sha256": sha256,
    }


def _field(name: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"labelled-frames/{name}",
        "name": name,
        "dataType": kind,
        "source": {"fileObject": {"@id": "labels"}, "extract": {"column": name}},
    }
