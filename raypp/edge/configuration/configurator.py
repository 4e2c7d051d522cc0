"""Decides what becomes of a configuration that the service hands over: applied on trial, kept, rolled back, refused."""

from collections.abc import Callable, Mapping

from protos import raypp_pb2 as pb
from raypp.edge.cameras_file import CameraSettings
from raypp.edge.configuration.document import DeviceConfiguration
from raypp.edge.configuration.narrowing import EffectiveCameras, narrow_cameras, require_no_more
from raypp.edge.configuration.refusal import ConfigurationRefusal, ConfigurationRefusedError
from raypp.edge.configuration.state import ConfigurationState, seen_digest, write_masks
from raypp.edge.log import Log
from raypp.edge.settings import AgentSettings
from raypp.errors import RayppError, SpoolError
from raypp.io.clock import now_us
from raypp.media.masks import load_masks

_TOLERANCE_US = 300 * 1_000_000
"""A clock that is set back by less was being kept in time."""
_REMEMBER_EVERY_US = 600 * 1_000_000


class Configurator:
    """Knows the configuration in effect, and the one on trial.

    Args:
        settings: of the agent.
        owner: the owner's raw Ed25519 public key, which the site's key holds.
        log: takes one line for the operator.
        clock: gives the site's time, microseconds since 1970.

    Raises:
        SpoolError: if what is in effect is not known.
        ConfigurationRefusedError: if it is not of the owner of this site's key.
    """

    def __init__(self, settings: AgentSettings, owner: bytes, log: Log, clock: Callable[[], int] = now_us) -> None:
        self._settings = settings
        self._owner = owner
        self._log = log
        self._clock = clock
        self.state = ConfigurationState.load(settings.spool)
        self._kept: DeviceConfiguration | None = None
        if self.state.document is not None:
            self._kept = DeviceConfiguration.read(self.state.document.encode(), owner)
        self._trial: tuple[DeviceConfiguration, bytes] | None = None
        self._local: Mapping[str, CameraSettings] = {}
        self.masks_path = settings.masks_path

    @property
    def on_trial(self) -> bool:
        """Whether one has been applied that is not kept yet."""
        return self._trial is not None

    def cameras(self, local: Mapping[str, CameraSettings]) -> dict[str, CameraSettings]:
        """Return the cameras to capture, and set `masks_path`.

        Args:
            local: those of the site's own file.

        Raises:
            OptionError: if the site's masks cannot be read.
            SpoolError: if the masks cannot be written.
        """
        self._local = local
        effective = self._effective(self._trial[0] if self._trial else self._kept)
        try:
            written = write_masks(self._settings.spool, effective)
        except OSError as error:
            raise SpoolError(f"masks of a configuration cannot be written: {error.strerror}; free the disk") from None
        self.masks_path = written or self._settings.masks_path
        return effective.cameras

    def offer(self, document: bytes) -> bool:
        """Take a configuration on trial; `cameras` gives what is to be captured with it. False where it is refused."""
        if self.on_trial or seen_digest(document) == self.state.seen:
            return False
        try:
            self._trial = self._checked(document), document
            self.cameras(self._local)
        except ConfigurationRefusedError as error:
            self._trial = None
            self._refuse(document, error.refusal, str(error))
        except RayppError as error:
            self._trial = None
            self._refuse(document, ConfigurationRefusal.NOT_STARTED, str(error))
        return self.on_trial

    def keep(self) -> None:
        """Make what is on trial the one in effect, by one replaced file; where that cannot be written, roll back."""
        if self._trial is None:
            return
        configuration, document = self._trial
        state = ConfigurationState(
            document=document.decode(),
            number=configuration.number,
            seen=seen_digest(document),
            latest_us=self._latest_us(configuration.issued_us),
        )
        try:
            state.save(self._settings.spool)
        except OSError as error:
            self.roll_back(f"it could not be written: {error.strerror}")
            return
        self.state, self._kept, self._trial = state, configuration, None
        self._log(f"configuration {configuration.number} of the owner is in effect")

    def roll_back(self, reason: str) -> None:
        """Go back to the one in effect; `cameras` gives what is to be captured then."""
        if self._trial is None:
            return
        document, self._trial = self._trial[1], None
        self._refuse(document, ConfigurationRefusal.NOT_STARTED, f"{reason}; the one before is in effect again")

    def report(self) -> pb.ReportDeviceRequest:
        """Return what a report says of configurations."""
        state = self.state
        name = "UNSPECIFIED" if state.refusal is None else state.refusal.name
        return pb.ReportDeviceRequest(
            configuration_number=state.number,
            configuration_seen=bytes.fromhex(state.seen),
            configuration_refusal=f"DEVICE_CONFIGURATION_REFUSAL_{name}",
        )

    def remember_time(self) -> None:
        """Note how late it is, now and then: a clock that is set back must not bring an expired one back."""
        if self._clock() - self.state.latest_us > _REMEMBER_EVERY_US:
            self._save(self.state.model_copy(update={"latest_us": self._latest_us()}))

    def _effective(self, configuration: DeviceConfiguration | None) -> EffectiveCameras:
        path = self._settings.masks_path
        masks = None if path is None or configuration is None else load_masks(path)
        return narrow_cameras(self._settings.site, self._local, masks, configuration)

    def _checked(self, document: bytes) -> DeviceConfiguration:
        configuration = DeviceConfiguration.read(document, self._owner)
        mine = f"{self._settings.site}/{self._settings.device}"
        if f"{configuration.site}/{configuration.device}" != mine:
            words = f"it is of {configuration.site}/{configuration.device}, and this is {mine}"
            raise ConfigurationRefusedError(ConfigurationRefusal.OTHER_DEVICE, words)
        if configuration.number <= self.state.number:
            words = f"its number {configuration.number} is not above {self.state.number}, which was in effect here"
            raise ConfigurationRefusedError(ConfigurationRefusal.REPLAYED, words)
        now = self._clock()
        known_us = max(self.state.latest_us, configuration.issued_us)
        if now < known_us - _TOLERANCE_US:
            words = f"the site's clock is {(known_us - now) / 1e6:,.0f} s before a time that is past; set it"
            raise ConfigurationRefusedError(ConfigurationRefusal.CLOCK_SET_BACK, words)
        if now > configuration.expires_us:
            raise ConfigurationRefusedError(ConfigurationRefusal.EXPIRED, "its time to be applied has passed")
        require_no_more(self._local, configuration)
        return configuration

    def _refuse(self, document: bytes, refusal: ConfigurationRefusal, words: str) -> None:
        self._log(f"a configuration is refused ({refusal.value}): {words}")
        update = {"seen": seen_digest(document), "refusal": refusal, "latest_us": self._latest_us()}
        self._save(self.state.model_copy(update=update))

    def _save(self, state: ConfigurationState) -> None:
        self.state = state
        try:
            state.save(self._settings.spool)
        except OSError as error:
            self._log(f"what became of a configuration could not be written: {error.strerror}")

    def _latest_us(self, other_us: int = 0) -> int:
        return max(self.state.latest_us, self._clock(), other_us)
