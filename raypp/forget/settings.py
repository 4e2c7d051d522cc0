"""Settings of forgetting: everything but secrets."""

from pathlib import Path

from raypp.errors import OptionError
from raypp.forget.selection import ArchiveSelection
from raypp.forget.worker import RewriteSettings
from raypp.ingest.settings import owner_side
from raypp.io.filesystem import is_url
from raypp.io.settings import AbsolutePath
from raypp.key_sources.field import AbsoluteKeyPlace


class ForgetSettings(RewriteSettings):
    """An archive, what of it is forgotten, and by whose key. Keys are named by path or URL, never carried.

    Attributes:
        key_path: the owner's key; of somebody who holds a copy, their own, which signs the receipt.
        private: the owner's side of the archive, or the holder's folder for receipts; by default beside it.
        selection: what the owner forgets.
        order: the owner's order, which a holder does; None for the owner.
        owner_public_key: who must have signed the order, 64 hex digits, or the fingerprint of 16.
        order_out: where the owner's order to holders of copies is written; None for none.
        receipt: where the receipt is written, beside the one that is kept; None for nowhere.
        models: bundles, of which is said whether they were trained on what is forgotten.
    """

    key_path: AbsoluteKeyPlace
    private: AbsolutePath | None = None
    selection: ArchiveSelection = ArchiveSelection()
    order: AbsolutePath | None = None
    owner_public_key: str | None = None
    order_out: AbsolutePath | None = None
    receipt: AbsolutePath | None = None
    models: tuple[AbsolutePath, ...] = ()

    def check(self) -> None:
        """Raise OptionError for values that contradict each other."""
        if self.order is None:
            self.selection.check()
            if self.owner_public_key is not None:
                raise OptionError("`owner_public_key` is of an `order`; name that, or leave it out")
            return
        if self.selection != ArchiveSelection():
            raise OptionError("`order` says what is forgotten; leave out `source`, `site`, `camera`, `from_` and `to`")
        if self.order_out is not None:
            raise OptionError("`order_out` is for the owner, who has no `order`; leave it out")
        if self.owner_public_key is None:
            raise OptionError("`order` needs `owner_public_key`: the owner's key or fingerprint, as the owner gave it")

    @property
    def side(self) -> Path:
        """Folder that stays with whoever forgets; raises OptionError where a URL leaves it open."""
        if self.private is not None:
            return self.private
        if is_url(self.archive):
            raise OptionError(f"archive {self.archive} is a URL; say with `private` which local folder is beside it")
        return owner_side(self.archive)
