"""Tables of devices: what each agent of a site last said of itself, and what its owner wants of it."""

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from raypp.ledger.tables import Base


class DeviceRow(Base):
    """An agent of a site, by its latest report. Times are processing time unless a comment says otherwise."""

    __tablename__ = "devices"
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"), primary_key=True)
    device: Mapped[str] = mapped_column(String(100), primary_key=True)
    instance: Mapped[int] = mapped_column(BigInteger)  # drawn by the agent when it started
    started_us: Mapped[int] = mapped_column(BigInteger)  # by the site's clock
    first_us: Mapped[int] = mapped_column(BigInteger)  # when it was first heard
    reported_us: Mapped[int] = mapped_column(BigInteger)
    late_after_us: Mapped[int] = mapped_column(BigInteger)  # as the service had it that took the report, as below
    missing_after_us: Mapped[int] = mapped_column(BigInteger)
    clash_us: Mapped[int | None] = mapped_column(BigInteger)  # when an older agent last spoke under its name
    stopped: Mapped[bool] = mapped_column()  # it has said that it ends
    document: Mapped[str] = mapped_column(Text)  # JSON of a DeviceReport


class DeviceConfigurationRow(Base):
    """A configuration that waits for a device, or that it has; the device checks its owner's signature."""

    __tablename__ = "device_configurations"
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"), primary_key=True)
    device: Mapped[str] = mapped_column(String(100), primary_key=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    put_us: Mapped[int] = mapped_column(BigInteger)
