"""Money of a plan: prices are the reader's own, and none is assumed."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from raypp.capacity.plan import CapacityPlan
from raypp.capacity.settings import REMEDY, read_mapping
from raypp.io.settings_file import as_model

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class CapacityPrices(BaseModel):
    """Prices of a month; whatever has none is left out of the sum, and named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = Field("", max_length=20, description="such as EUR; it is printed beside amounts")
    node: Price | None = Field(None, description="a Ray node, without its GPUs")
    gpu: Price | None = Field(None, description="a GPU")
    database: Price | None = Field(None, description="a database's machine, without its disk")
    storage_gb: Price | None = Field(None, description="10^9 bytes kept on the database's disk")
    wire_gb: Price | None = Field(None, description="10^9 bytes that come to the service")
    site_core: Price | None = Field(None, description="a core beside cameras")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read prices from a YAML file; raises OptionError if it cannot be read or is not valid."""
        return as_model(cls, read_mapping(path, "prices"), f"prices {path}", REMEDY)


class MonthlyCosts(BaseModel):
    """Money of a month.

    Attributes:
        currency: as in the prices.
        amounts: by what is bought.
        total: their sum.
        unpriced: what is bought and has no price.
    """

    model_config = ConfigDict(frozen=True)

    currency: str
    amounts: dict[str, float]
    total: float
    unpriced: tuple[str, ...]

    @classmethod
    def of(cls, plan: CapacityPlan, prices: CapacityPrices) -> Self:
        """Return what a plan costs a month."""
        bought = {
            "nodes": (plan.nodes, prices.node),
            "GPUs": (plan.gpus, prices.gpu),
            "databases": (plan.databases, prices.database),
            "storage": (plan.ledger_bytes_kept / 1e9, prices.storage_gb),
            "wire": (plan.wire_bytes_per_month / 1e9, prices.wire_gb),
            "cores beside cameras": (plan.cores_per_site * plan.settings.sites, prices.site_core),
        }
        amounts = {name: number * price for name, (number, price) in bought.items() if price is not None}
        unpriced = tuple(name for name, (number, price) in bought.items() if number and price is None)
        return cls(currency=prices.currency, amounts=amounts, total=sum(amounts.values()), unpriced=unpriced)


class PricedPlan(BaseModel):
    """A plan, with its costs where prices were given."""

    model_config = ConfigDict(frozen=True)

    plan: CapacityPlan
    costs: MonthlyCosts | None
