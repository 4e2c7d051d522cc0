"""What an owner hands to its training machine: its acceptance of a plan, and a key to sign with meanwhile."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from raypp.collective.documents import Acceptance
from raypp.collective.plan import CollectivePlan
from raypp.errors import CollectiveError, ContentError, OptionError
from raypp.io.json import read_json
from raypp.io.private import create_secret, read_secret
from raypp.veil.key import Secret, VeilKey

_KIND, _VERSION = "raypp-collective-membership", 1
_WHAT, _REMEDY = "membership", "make one with `raypp collective accept`"
_SEED_BYTES = 32


@dataclass(frozen=True, repr=False, eq=False)
class SiteMember(Secret):
    """A site's place in a training.

    Attributes:
        acceptance: of the plan, signed by the owner's key.
        private: the key that the site signs with; it opens no veil.
    """

    acceptance: Acceptance
    private: Ed25519PrivateKey

    @classmethod
    def accept(cls, plan: CollectivePlan, site: str, key: VeilKey) -> Self:
        """Accept a plan for a site.

        Raises:
            OptionError: if the plan has no such site, or names another key for it.
        """
        plan.require(site)
        if plan.sites[site] != key.fingerprint:
            raise OptionError(
                f"`key_path` opens key {key.fingerprint}, and the plan has {plan.sites[site]} for {site}; "
                "give the key that the plan names, or have the plan corrected"
            )
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw().hex()
        return cls(Acceptance(plan=plan.digest, site=site, member=public).signed(key), private)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a membership's file; raises CollectiveError if it is none, damaged, or open to others."""
        content = read_secret(path, _WHAT, _REMEDY, CollectiveError)
        try:
            document = read_json(content)
            assert (document["kind"], document["version"]) == (_KIND, _VERSION)  # noqa: S101 - caught below
            seed = base64.b64decode(document["secret"], validate=True)
            private = Ed25519PrivateKey.from_private_bytes(seed)
            acceptance = Acceptance.model_validate(document["acceptance"])
        except (AssertionError, ContentError, ValidationError, KeyError, TypeError, ValueError):
            del content  # a traceback may show locals
            raise CollectiveError(f"{path} is no membership, or it is damaged; {_REMEDY}") from None
        member = cls(acceptance, private)
        if member.public_key.hex() != acceptance.member:
            raise CollectiveError(f"membership {path} holds another key than its owner accepted; {_REMEDY}")
        return member

    def write(self, path: Path) -> None:
        """Write the file, mode 0600; raises CollectiveError if it exists or cannot be written."""
        document = {
            "kind": _KIND,
            "version": _VERSION,
            "acceptance": self.acceptance.model_dump(mode="json"),
            "secret": base64.b64encode(self.private.private_bytes_raw()).decode(),
        }
        with create_secret(path, _WHAT, CollectiveError) as file:
            file.write(json.dumps(document, indent=1) + "\n")

    @property
    def site(self) -> str:
        """Name of the site."""
        return self.acceptance.site

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of a message."""
        return self.private.sign(message)
