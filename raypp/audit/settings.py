"""Settings of an audit."""

from raypp.audit.core.adversary_name import AdversaryName
from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Need
from raypp.audit.suite.case_builder import InsiderFiles
from raypp.audit.suite.suite import Suite, suite
from raypp.io.settings import AbsolutePath, AbsolutePlace, AbsolutePlaces, FrozenSettings
from raypp.key_sources.field import AbsoluteKeyPlace
from raypp.veil.spec import LearnedSpec, PatchSpec, VeilSpec


class AuditSettings(FrozenSettings):
    """Settings of an audit: everything but the key itself, which is named by its path.

    Attributes:
        sources: the owner's own footage: files, folders, globs, URLs, inventories (.csv); one of them, or several.
        out: folder of the audit.
        key_path: the owner's or a site's key.
        spec: the veil.
        encoder: a learned veil's encoder file, which the spec names by its digest; None for a patch veil.
        model: a detector on codes of the veil, for what an insider can do with it; None if there is none.
        weights: public weights of the detector's architecture, or the warm start of the veil's fit, likewise.
        members: dataset whose train split the detector learnt from, and whose val split not; None to look for one among
            the sources.
        size: side of the letterboxed square, in pixels.
        budget: how much it may take.
        adversaries: whose attacks are made; none stands for all. An insider and a known-plaintext adversary can make
            those of a ciphertext-only one, so these come with theirs.
        seed: of which sources are attacked, and of the attackers' chances.
        layers: of a smooth keyed map of a learned encoder's values, which is attacked beside the veil; None for none.
    """

    sources: AbsolutePlaces
    out: AbsolutePath
    key_path: AbsoluteKeyPlace
    spec: VeilSpec = PatchSpec()
    encoder: AbsolutePath | None = None
    model: AbsolutePath | None = None
    weights: AbsolutePath | None = None
    members: AbsolutePlace | None = None
    size: int = 640
    budget: Budget = Budget.STANDARD
    adversaries: tuple[AdversaryName, ...] = ()
    seed: int = 0
    layers: int | None = None

    @property
    def suite(self) -> Suite:
        """The attacks of the budget."""
        return suite(self.budget, learned=isinstance(self.spec, LearnedSpec), layers=self.layers)

    @property
    def files(self) -> InsiderFiles:
        """Files that were given for attacks by an insider."""
        given = {Need.MODEL: self.model, Need.WEIGHTS: self.weights}
        return {need: path for need, path in given.items() if path is not None}
