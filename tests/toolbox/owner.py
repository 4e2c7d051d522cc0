"""An owner with a ledger, a policy, and persons who approve."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from raypp.ledger.store import Ledger
from raypp.ledger.tool_store import ToolStore
from raypp.ledger.tool_values import SubmittedTool
from raypp.toolbox.approval import approve_tool
from raypp.toolbox.package import ToolPackage
from raypp.toolbox.policy import ToolPolicy, load_tool_policy
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key


@dataclass
class Owner:
    folder: Path
    rules: dict[str, object] = field(default_factory=dict)
    keys: dict[str, VeilKey] = field(
        default_factory=lambda: {name: VeilKey.generate() for name in ("ben", "cleo", "dan")}
    )

    def __post_init__(self) -> None:
        for name, key in self.keys.items():
            save_owner_key(key, self.folder / f"{name}.key")
        self.write_policy()
        self.url = f"sqlite:///{self.folder / 'tools.db'}"
        self.ledger = Ledger.open(self.url)
        self.store = ToolStore(self.ledger, "test")

    def write_policy(self, **changes: object) -> ToolPolicy:
        fingerprints = {name: key.fingerprint for name, key in self.keys.items()}
        document = {"approvers": fingerprints, "least_cell": 10, **self.rules, **changes}
        self.policy_path = self.folder / "policy.yaml"
        self.policy_path.write_text(yaml.safe_dump(document))
        self.policy = load_tool_policy(self.policy_path)
        return self.policy

    def submit(self, package: ToolPackage, researcher: str = "anna") -> SubmittedTool:
        stated = package.manifest
        self.store.submit(SubmittedTool(package.digest, stated.name, stated.version, researcher, package.content))
        return self.store.tool(package.digest)

    def approve(self, tool: SubmittedTool, *names: str) -> None:
        for name in names:
            approve_tool(self.store, tool, self.policy, name, self.keys[name])
