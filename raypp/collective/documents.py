"""Documents that sites sign: that an owner accepts a plan, the keys of an attempt, and who is in its sum."""

from typing import ClassVar, Literal, TypeVar

from pydantic import Field, ValidationError

from raypp.collective.plan import CollectivePlan
from raypp.errors import CollectiveError
from raypp.text.names import Name, Names
from raypp.veil.signed import SignedDocument

_Hex32 = Field(pattern="^[0-9a-f]{64}$")


class Acceptance(SignedDocument):
    """An owner's word that a site may take part in a plan; signed by the owner's key.

    Attributes:
        plan: digest of the plan.
        site: name of the site in it.
        member: raw Ed25519 key that the site signs with during the training, hex.
    """

    domain: ClassVar[bytes] = b"raypp collective acceptance v1"
    what: ClassVar[str] = "acceptance of a plan"

    kind: Literal["raypp-collective-acceptance"] = "raypp-collective-acceptance"
    version: Literal[1] = 1
    plan: str = _Hex32
    site: Name
    member: str = _Hex32

    def check(self, plan: CollectivePlan) -> None:
        """Raise CollectiveError unless the site's owner, as the plan names it, has accepted this very plan."""
        if self.plan != plan.digest:
            raise CollectiveError(
                f"{self.site} accepted plan {self.plan[:12]}, and this is {plan.digest[:12]}; let its owner read this "
                "one and run `raypp collective accept`"
            )
        if plan.sites.get(self.site) != self.fingerprint:
            raise CollectiveError(
                f"the acceptance of {self.site} is signed by key {self.fingerprint}, and the plan has "
                f"{plan.sites.get(self.site, 'no such site')}; accept with the owner's key that the plan names"
            )
        if not self.is_true():
            raise CollectiveError(f"the acceptance of {self.site} was altered; run `raypp collective accept` again")


class RoundKeys(SignedDocument):
    """Public keys of a site for one attempt; signed by the site's member key.

    Attributes:
        plan, round, attempt: of which attempt.
        site: whose.
        base: digest of the model that the site has trained from.
        mask_key, seal_key: raw X25519 keys, hex: of masks, and for sealing shares.
    """

    domain: ClassVar[bytes] = b"raypp collective keys v1"
    what: ClassVar[str] = "keys of a round"

    plan: str = _Hex32
    round: int = Field(ge=1)
    attempt: int = Field(ge=1)
    site: Name
    base: str = _Hex32
    mask_key: str = _Hex32
    seal_key: str = _Hex32


class Roll(SignedDocument):
    """Names of the sites whose vectors are in a sum; each of them signs it, once.

    Attributes:
        plan, round, attempt: of which attempt.
        site: who signs.
        keys: digest over the keys of all sites of the attempt.
        members: names of the sites in the sum, sorted.
    """

    domain: ClassVar[bytes] = b"raypp collective roll v1"
    what: ClassVar[str] = "roll of a round"

    plan: str = _Hex32
    round: int = Field(ge=1)
    attempt: int = Field(ge=1)
    site: Name
    keys: str = _Hex32
    members: Names

    def says(self, other: "Roll") -> bool:
        """Whether another site's roll is of the same sum."""
        names = ("plan", "round", "attempt", "keys", "members")
        return all(getattr(self, name) == getattr(other, name) for name in names)


_Document = TypeVar("_Document", bound=SignedDocument)


def parse_signed(kind: type[_Document], content: bytes) -> _Document:
    """Read a document that came over the wire; raises CollectiveError if it is none. Its signature is not looked at."""
    try:
        return kind.model_validate_json(content)
    except ValidationError:
        raise CollectiveError(f"a message holds no {kind.what}; install the same raypp everywhere") from None
