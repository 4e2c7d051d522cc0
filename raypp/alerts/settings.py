"""Settings of a service's channels; secrets are named by their files."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from raypp.errors import OptionError
from raypp.io.settings import AbsolutePath
from raypp.io.settings_file import as_model, read_settings_file
from raypp.usage.alert_rules import ChannelName

DeadlineSeconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookSettings(_Settings):
    """A channel that posts each alert to a web server."""

    kind: Literal["webhook"]
    url: str | None = Field(None, max_length=2000, description="http:// or https://; where alerts are posted")
    url_file: AbsolutePath | None = Field(None, description="file with the URL, where it is a secret itself")
    key_files: tuple[AbsolutePath, ...] = Field(
        min_length=1, max_length=5, description="files with the keys that sign, each `whsec_` and base64"
    )
    token_file: AbsolutePath | None = Field(None, description="file with a bearer token for the receiver")
    ca_file: AbsolutePath | None = Field(None, description="certificates that https is checked by; none: the system's")
    deadline_s: DeadlineSeconds = Field(10.0, description="a try that takes longer has failed")

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str | None) -> str | None:
        return url if url is None else checked_url(url)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("a webhook needs `url` or `url_file`, one of them")
        return self


class MqttSettings(_Settings):
    """A channel that publishes each alert at a broker of MQTT 5."""

    kind: Literal["mqtt"]
    host: str = Field(min_length=1, max_length=255, pattern=r"^[!-~]+$", description="the broker")
    port: int | None = Field(None, ge=1, le=65_535, description="none: 8883, or 1883 without TLS")
    tls: bool = Field(True, description="whether to speak TLS, and check the broker's certificate")
    ca_file: AbsolutePath | None = Field(None, description="certificates that it is checked by; none: the system's")
    user: str | None = Field(None, min_length=1, max_length=200, description="name of the account, if any")
    password_file: AbsolutePath | None = Field(None, description="file with the account's password")
    topic: str = Field(
        "raypp", max_length=200, pattern=r"^[^+#\x00/$]([^+#\x00]*[^+#\x00/])?$", description="before /SITE/CAMERA/KIND"
    )
    deadline_s: DeadlineSeconds = Field(10.0, description="a try that takes longer has failed")

    @property
    def broker(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or (8883 if self.tls else 1883)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.password_file is not None and self.user is None:
            raise ValueError("`password_file` needs `user`, the name of the account")
        if self.ca_file is not None and not self.tls:
            raise ValueError("`ca_file` belongs to `tls: true`")
        return self


ChannelSettings = Annotated[WebhookSettings | MqttSettings, Field(discriminator="kind")]


class AlertSettings(_Settings):
    """How a service sends alerts."""

    channels: dict[ChannelName, ChannelSettings] = Field(
        default_factory=dict, max_length=50, description="channels by the names that sites' alert rules use"
    )
    source: str = Field(
        "raypp", pattern=r"^[A-Za-z0-9._:/-]{1,200}$", description="how CloudEvents' `source` begins: this service"
    )
    every_s: float = Field(1.0, gt=0, le=60, description="how often the ledger is asked for alerts to send")
    longest_wait_s: float = Field(
        300.0, ge=1, le=86_400, description="longest time between two tries; it doubles from a second"
    )
    give_up_after_s: float = Field(
        259_200.0, gt=0, le=31 * 86_400, description="an alert that fails when it is so old is a dead letter"
    )
    keep_days: int = Field(30, ge=8, le=3650, description="how long sent alerts and dead letters are kept")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what a service's settings file says of alerts; raises OptionError naming what is wrong with it."""
        remedy = "docs/how-to/alerts.md shows the form"
        document: Any = read_settings_file(path, "settings", remedy)
        if not isinstance(document, dict) or not isinstance(document.get("alerts"), dict):
            raise OptionError(f"settings {path} has no `alerts` that map names to values; {remedy}")
        return as_model(cls, document["alerts"], f"settings {path}, alerts", remedy)


def checked_url(url: str) -> str:
    """Return a receiver's URL; raises ValueError unless it is plain http or https without an account in it."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError("must be http://HOST/PATH or https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds an account; put a secret into `url_file` or `token_file`")
    return url
