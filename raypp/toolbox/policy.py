"""The owner's policy: what tools may give out, how much of it, and who approves."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from raypp.errors import OptionError
from raypp.io.settings_file import as_model, read_settings_file
from raypp.sandbox.limits import SandboxLimits
from raypp.text.names import Name
from raypp.toolbox.manifest import FORM, Reads, ToolManifest, matching

APPROVALS = 2
"""How many persons approve a tool."""


class ToolPolicy(BaseModel):
    """A policy file. Approvals are of a tool together with it: who changes it asks for new ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approvers: dict[Name, Annotated[str, matching("[0-9a-f]{16}", "the 16 digits that `raypp keygen` prints")]] = Field(
        min_length=APPROVALS, max_length=100, description="fingerprint of each person's key, by name"
    )
    reads: tuple[Reads, ...] = Field(
        (Reads.DETECTIONS, Reads.CODES), description="what tools may read: detections, codes, counts, plain"
    )
    least_cell: int = Field(10, ge=1, le=1_000_000, description="rows that count less stay inside")
    run_bits: int = Field(4096, ge=1, description="bits that one run may tell at most")
    researcher_bits: int = Field(65_536, ge=1, description="bits that all runs for one researcher may tell together")
    resources: SandboxLimits = Field(
        SandboxLimits(seconds=3600, memory_mb=8192, processes=64, scratch_mb=1024, output_kb=1024),
        description="the most that a tool may ask for",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.approvers.values())) < len(self.approvers):
            raise ValueError("two approvers have one key")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of all that it says, whatever its file looks like; 64 hex digits."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    def check(self, manifest: ToolManifest) -> None:
        """Raise OptionError if a tool asks for what the policy does not allow."""
        if manifest.reads not in self.reads:
            raise OptionError(
                f"tool {manifest.label} reads {manifest.reads}, and the policy allows {', '.join(self.reads)}"
            )
        for name in SandboxLimits.model_fields:
            wanted, most = getattr(manifest.resources, name), getattr(self.resources, name)
            if wanted > most:
                raise OptionError(f"tool {manifest.label}: resources, {name} {wanted:g} is above the policy's {most:g}")


def load_tool_policy(path: Path) -> ToolPolicy:
    """Read a policy from YAML.

    Raises:
        OptionError: naming the file, the field and what is wrong.
    """
    return as_model(ToolPolicy, read_settings_file(path, "policy", FORM), f"policy {path}", FORM)
