"""Settings of the service: everything but secrets, so that they may travel and be shown."""

import os
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from raypp.alerts.settings import AlertSettings
from raypp.detect.engines.name import Engine, EngineSettings, Precision
from raypp.errors import OptionError
from raypp.io.log_record import LogFormat, log_format
from raypp.ledger.ledger_list import LedgerList
from raypp.serving.defaults import LEDGER_VARIABLE
from raypp.serving.device_settings import DeviceSettings
from raypp.serving.guard import DoorLimits
from raypp.serving.limits import ServiceLimits
from raypp.serving.quota import Quotas

APPLICATION = "raypp"


class DetectorShare(NamedTuple):
    """How many frames come to a veil's detectors at a time: enough to keep them busy, few enough to wait for.

    Attributes:
        room: frames of one gateway that they have at a time.
        stream: frames of a chunk that are handed over in one turn.
        call: frames of a call of DetectFrames likewise.
    """

    room: int
    stream: int
    call: int


_ON_A_CPU, _ON_A_GPU = DetectorShare(4, 4, 1), DetectorShare(64, 32, 16)


class DetectionSettings(BaseModel):
    """How detections are made of a model's output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    confidence: float = Field(0.1, ge=0.001, lt=1, description="least confidence of detections that are kept")
    iou: float = Field(
        0.45,
        gt=0,
        le=1,
        description="overlap beyond which the less confident of a class is dropped; lower than where mAP is measured "
        "(0.7), since a second box around one tool is a second tool in the ledger",
    )
    most: int = Field(100, ge=1, le=300, description="detections of a frame, the most confident first")
    batch: int | None = Field(
        None, ge=1, le=256, description="frames computed at a time; none: 1 on a CPU, 16 on a GPU"
    )
    threads: int = Field(1, ge=1, le=256, description="threads to compute with")
    hedge_after_s: float = Field(
        5,
        ge=0,
        le=600,
        description="how long a detector may be silent until its model is asked again, where several run; 0: never",
    )
    engine: Engine = Field(Engine.AUTO, description="what computes; auto: torch on a GPU, onnxruntime on a CPU")
    precision: Precision = Field(
        Precision.AUTO, description="of openvino; auto: bfloat16 where the CPU has instructions for it, else float32"
    )

    @property
    def of_engine(self) -> EngineSettings:
        """The choice of what computes, and how."""
        return EngineSettings(self.engine, self.precision, self.threads, self.batch)


class Scale(BaseModel):
    """How many replicas a deployment has, and what each takes of Ray's logical resources."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least: int = Field(1, ge=1, description="replicas at any time")
    most: int = Field(1, ge=1, description="replicas under load; more than `least`: Serve scales by itself")
    target: int = Field(2, ge=1, description="calls under way that one replica should have; Serve scales towards it")
    cpus: float = Field(1.0, ge=0, description="logical CPUs of a replica")
    gpus: float = Field(0.0, ge=0, description="logical GPUs of a replica")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is above most {self.most}")
        return self


class ServiceSettings(BaseModel):
    """Settings of one service: the `args` of cluster/serve.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[Path, ...] = Field(min_length=1, description="detector bundles, each of a veil of its own")
    ledger: str | None = Field(None, description="URL of the ledger; none: the variable RAYPP_LEDGER of each gateway")
    ledgers: dict[str, str] = Field(default_factory=dict, description="several ledgers instead: URLs by name")
    home_ledger: str | None = Field(
        None,
        description="which of `ledgers` has the operators' tokens; none: the first, but KubeRay sorts them by name",
    )
    front_secret_file: Path | None = Field(
        None, description="file with the secret that the TLS front adds to each call; none: calls need none"
    )
    source_url: str | None = Field(
        None,
        pattern=r"^https?://[!-~]+$",
        max_length=1000,
        description="where the source of this service is, for its pages to name, as AGPL-3.0 asks; none: raypp's",
    )
    limits: ServiceLimits = ServiceLimits()
    site_veils: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="the only veils that some sites may use, by site; `*` stands for all others, which otherwise may "
        "use every veil",
    )
    door: DoorLimits = Field(
        DoorLimits(), description="of a local Ray's proxy; on a cluster, the variable RAYPP_DOOR of each node, as JSON"
    )
    quotas: Quotas = Quotas()
    detection: DetectionSettings = DetectionSettings()
    gateways: Scale = Field(Scale(cpus=0.2, target=50), description="`target`: streams of one gateway")
    detectors: Scale = Scale()
    streams_per_gateway: int = Field(
        500, ge=1, le=10_000, description="calls, streams included, that one gateway takes on"
    )
    ledger_threads: int = Field(8, ge=1, le=14, description="threads of a gateway that wait for the ledger")
    stream_age_s: float = Field(
        1800, gt=0, description="a connection is told to move after about this long, and a watch ends"
    )
    stream_lease_s: float = Field(
        30, ge=1, le=3600, description="how long streams of a gateway that was killed count among their site's"
    )
    alive_every_s: float = Field(
        5,
        ge=1,
        le=600,
        description="how long a stream is left without an answer until `alive` says that the service is there; a site "
        "that hears nothing for three times as long, and 5 s at least, connects anew",
    )
    answers_bytes: int = Field(64 << 20, ge=1 << 16, description="likewise after so many bytes of answers")
    open_within_s: float = Field(10, gt=0, description="a connection that has not said `open` by then is closed")
    token_check_s: float = Field(
        2,
        gt=0,
        description="how often the token of a running stream is checked, which is asked of the ledger every 5 s",
    )
    reap_every_s: float = Field(15, gt=0, description="how often silent streams are looked for")
    devices: DeviceSettings = DeviceSettings()
    alerts: AlertSettings = AlertSettings()
    log_format: LogFormat = Field(
        default_factory=log_format, description="of gateways, detectors and alerts; RAYPP_LOG_FORMAT is the default"
    )
    watch_every_s: float = Field(1, gt=0, description="how often the ledger is asked for changed episodes")

    @property
    def share(self) -> "DetectorShare":
        """How frames of one gateway come to the detectors of a veil."""
        share = _ON_A_GPU if self.detectors.gpus else _ON_A_CPU
        return share._replace(room=share.room * self.detectors.most)

    @property
    def named_home(self) -> str | None:
        """URL of the ledger that has the registry of models; None: the variable of each replica names it."""
        return next(iter(self.ledger_list().urls.values())) if self.ledger or self.ledgers else None

    def ledger_list(self) -> LedgerList:
        """Return the ledgers; raises OptionError where neither setting nor variable names any, or both settings do."""
        if self.ledger and self.ledgers:
            raise OptionError("the settings give `ledger` and `ledgers`; give one of them")
        if self.ledgers:
            return LedgerList.of(self.ledgers, "settings of the service, ledgers", self.home_ledger)
        text = self.ledger or os.environ.get(LEDGER_VARIABLE)
        if not text:
            raise OptionError(f"the service needs a ledger; give `ledger` sqlite:///PATH, or set {LEDGER_VARIABLE}")
        return LedgerList.parse(text)
