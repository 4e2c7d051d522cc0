"""Make the schemas of this folder from published CRDs: `python -m tools.manifests.prune SOURCE CRD.yaml ...`.

SOURCE says where the CRDs are from, as "repository version". Descriptions and what controllers write are left out.
Templates of pods are checked against Kubernetes' own schemas, so their copies in the CRDs are left out, too. Rules in
CEL, and defaults, are not part of a JSON Schema.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

SCHEMAS = Path(__file__).parent / "schemas"
_KEPT = (
    "type",
    "enum",
    "pattern",
    "required",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)


def prune(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a validator needs of an OpenAPI schema, as a JSON Schema that knows no further fields."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    kept = {key: schema[key] for key in _KEPT if key in schema}
    if schema.get("nullable") and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    properties = schema.get("properties", {})
    if _is_pod_template(properties):
        return {"type": "object"}
    if properties:
        kept["properties"] = {name: prune(held) for name, held in properties.items()}
        kept["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    elif isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = prune(schema["additionalProperties"])
    if "items" in schema:
        kept["items"] = prune(schema["items"])
    return kept


def pruned_kinds(crd: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the schema of each served version of a CRD, by "group/version kind"."""
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    found = {}
    for version in crd["spec"]["versions"]:
        if version["served"]:
            whole = version["schema"]["openAPIV3Schema"]
            spec = prune(whole["properties"]["spec"])
            found[f"{group}/{version['name']} {kind}"] = {
                "type": "object",
                "required": ["apiVersion", "kind", "metadata", "spec"],
                "properties": {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}, "spec": spec},
                "additionalProperties": False,
            }
    return found


def _is_pod_template(properties: dict[str, Any]) -> bool:
    return "containers" in properties.get("spec", {}).get("properties", {})


def main(arguments: list[str]) -> None:
    """Write one file for each CRD."""
    source, *files = arguments
    for file in files:
        crd = yaml.safe_load(Path(file).read_text())
        content = {"source": source, "kinds": pruned_kinds(crd)}
        target = SCHEMAS / f"{crd['spec']['names']['singular']}.json"
        target.write_text(json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n")
        print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
