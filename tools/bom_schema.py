"""Check CycloneDX lists by their published schema: `python -m tools.bom_schema FILE...`, where cyclonedx-bom is."""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(files: list[str]) -> int:
    """Print what the schema refuses of each file; returns the exit code: 1 where there is something."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    refused = [f"{file}: {fault}" for file in files if (fault := validator.validate_str(Path(file).read_text()))]
    print("\n".join(refused) if refused else f"{len(files)} lists are valid")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
