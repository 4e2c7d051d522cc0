from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Observation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OBSERVATION_UNSPECIFIED: _ClassVar[Observation]
    OBSERVATION_OBSERVED: _ClassVar[Observation]
    OBSERVATION_COVERED: _ClassVar[Observation]
    OBSERVATION_FROZEN: _ClassVar[Observation]
    OBSERVATION_MOVED: _ClassVar[Observation]
    OBSERVATION_DROPPED: _ClassVar[Observation]

class EpisodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EPISODE_STATE_UNSPECIFIED: _ClassVar[EpisodeState]
    EPISODE_STATE_OPEN: _ClassVar[EpisodeState]
    EPISODE_STATE_PROVISIONAL: _ClassVar[EpisodeState]
    EPISODE_STATE_FINAL: _ClassVar[EpisodeState]

class CloseReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOSE_REASON_UNSPECIFIED: _ClassVar[CloseReason]
    CLOSE_REASON_ENDED: _ClassVar[CloseReason]
    CLOSE_REASON_NOT_OBSERVED: _ClassVar[CloseReason]
    CLOSE_REASON_END_OF_STREAM: _ClassVar[CloseReason]
    CLOSE_REASON_REPLACED: _ClassVar[CloseReason]
    CLOSE_REASON_SETTINGS: _ClassVar[CloseReason]
    CLOSE_REASON_SILENT: _ClassVar[CloseReason]

class DeviceCameraState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEVICE_CAMERA_STATE_UNSPECIFIED: _ClassVar[DeviceCameraState]
    DEVICE_CAMERA_STATE_CAPTURING: _ClassVar[DeviceCameraState]
    DEVICE_CAMERA_STATE_STARTING: _ClassVar[DeviceCameraState]
    DEVICE_CAMERA_STATE_SILENT: _ClassVar[DeviceCameraState]
    DEVICE_CAMERA_STATE_REFUSED: _ClassVar[DeviceCameraState]
    DEVICE_CAMERA_STATE_FULL: _ClassVar[DeviceCameraState]
    DEVICE_CAMERA_STATE_FINISHED: _ClassVar[DeviceCameraState]

class DeviceConfigurationRefusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEVICE_CONFIGURATION_REFUSAL_UNSPECIFIED: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_UNSIGNED: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_WRONG_KEY: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_ALTERED: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_TRUNCATED: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_TOO_LARGE: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_MALFORMED: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_NOT_CANONICAL: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_UNKNOWN_FIELD: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_OTHER_DEVICE: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_REPLAYED: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_EXPIRED: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_CLOCK_SET_BACK: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_PLAIN_FRAMES: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_OTHER_ADDRESS: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_SHOWS_MORE: _ClassVar[DeviceConfigurationRefusal]
    DEVICE_CONFIGURATION_REFUSAL_NOT_STARTED: _ClassVar[DeviceConfigurationRefusal]

class RoundPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROUND_PHASE_UNSPECIFIED: _ClassVar[RoundPhase]
    ROUND_PHASE_KEYS: _ClassVar[RoundPhase]
    ROUND_PHASE_SHARES: _ClassVar[RoundPhase]
    ROUND_PHASE_VECTORS: _ClassVar[RoundPhase]
    ROUND_PHASE_ROLL: _ClassVar[RoundPhase]
    ROUND_PHASE_OPENING: _ClassVar[RoundPhase]
    ROUND_PHASE_OPENED: _ClassVar[RoundPhase]
    ROUND_PHASE_VOID: _ClassVar[RoundPhase]
OBSERVATION_UNSPECIFIED: Observation
OBSERVATION_OBSERVED: Observation
OBSERVATION_COVERED: Observation
OBSERVATION_FROZEN: Observation
OBSERVATION_MOVED: Observation
OBSERVATION_DROPPED: Observation
EPISODE_STATE_UNSPECIFIED: EpisodeState
EPISODE_STATE_OPEN: EpisodeState
EPISODE_STATE_PROVISIONAL: EpisodeState
EPISODE_STATE_FINAL: EpisodeState
CLOSE_REASON_UNSPECIFIED: CloseReason
CLOSE_REASON_ENDED: CloseReason
CLOSE_REASON_NOT_OBSERVED: CloseReason
CLOSE_REASON_END_OF_STREAM: CloseReason
CLOSE_REASON_REPLACED: CloseReason
CLOSE_REASON_SETTINGS: CloseReason
CLOSE_REASON_SILENT: CloseReason
DEVICE_CAMERA_STATE_UNSPECIFIED: DeviceCameraState
DEVICE_CAMERA_STATE_CAPTURING: DeviceCameraState
DEVICE_CAMERA_STATE_STARTING: DeviceCameraState
DEVICE_CAMERA_STATE_SILENT: DeviceCameraState
DEVICE_CAMERA_STATE_REFUSED: DeviceCameraState
DEVICE_CAMERA_STATE_FULL: DeviceCameraState
DEVICE_CAMERA_STATE_FINISHED: DeviceCameraState
DEVICE_CONFIGURATION_REFUSAL_UNSPECIFIED: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_UNSIGNED: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_WRONG_KEY: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_ALTERED: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_TRUNCATED: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_TOO_LARGE: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_MALFORMED: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_NOT_CANONICAL: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_UNKNOWN_FIELD: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_OTHER_DEVICE: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_REPLAYED: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_EXPIRED: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_CLOCK_SET_BACK: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_PLAIN_FRAMES: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_OTHER_ADDRESS: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_SHOWS_MORE: DeviceConfigurationRefusal
DEVICE_CONFIGURATION_REFUSAL_NOT_STARTED: DeviceConfigurationRefusal
ROUND_PHASE_UNSPECIFIED: RoundPhase
ROUND_PHASE_KEYS: RoundPhase
ROUND_PHASE_SHARES: RoundPhase
ROUND_PHASE_VECTORS: RoundPhase
ROUND_PHASE_ROLL: RoundPhase
ROUND_PHASE_OPENING: RoundPhase
ROUND_PHASE_OPENED: RoundPhase
ROUND_PHASE_VOID: RoundPhase

class DescribeModelRequest(_message.Message):
    __slots__ = ("veil_id",)
    VEIL_ID_FIELD_NUMBER: _ClassVar[int]
    veil_id: str
    def __init__(self, veil_id: _Optional[str] = ...) -> None: ...

class DescribeModelResponse(_message.Message):
    __slots__ = ("model", "limits", "service_version", "service_time_us")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    model: Model
    limits: Limits
    service_version: str
    service_time_us: int
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., service_version: _Optional[str] = ..., service_time_us: _Optional[int] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("model_id", "veil_id", "spec_json", "size", "classes")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    VEIL_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_JSON_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    veil_id: str
    spec_json: str
    size: int
    classes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model_id: _Optional[str] = ..., veil_id: _Optional[str] = ..., spec_json: _Optional[str] = ..., size: _Optional[int] = ..., classes: _Optional[_Iterable[str]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("frames_per_chunk", "bytes_per_frame", "window", "streams_per_site", "message_bytes")
    FRAMES_PER_CHUNK_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_FRAME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    STREAMS_PER_SITE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    frames_per_chunk: int
    bytes_per_frame: int
    window: int
    streams_per_site: int
    message_bytes: int
    def __init__(self, frames_per_chunk: _Optional[int] = ..., bytes_per_frame: _Optional[int] = ..., window: _Optional[int] = ..., streams_per_site: _Optional[int] = ..., message_bytes: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("timestamp_us", "frame_index", "observation", "whole", "change", "compressed", "grid_crc32")
    TIMESTAMP_US_FIELD_NUMBER: _ClassVar[int]
    FRAME_INDEX_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    COMPRESSED_FIELD_NUMBER: _ClassVar[int]
    GRID_CRC32_FIELD_NUMBER: _ClassVar[int]
    timestamp_us: int
    frame_index: int
    observation: Observation
    whole: bytes
    change: Change
    compressed: bool
    grid_crc32: int
    def __init__(self, timestamp_us: _Optional[int] = ..., frame_index: _Optional[int] = ..., observation: _Optional[_Union[Observation, str]] = ..., whole: _Optional[bytes] = ..., change: _Optional[_Union[Change, _Mapping]] = ..., compressed: _Optional[bool] = ..., grid_crc32: _Optional[int] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("mask", "cells")
    MASK_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    mask: bytes
    cells: bytes
    def __init__(self, mask: _Optional[bytes] = ..., cells: _Optional[bytes] = ...) -> None: ...

class Detection(_message.Message):
    __slots__ = ("class_id", "confidence", "x1", "y1", "x2", "y2")
    CLASS_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    X1_FIELD_NUMBER: _ClassVar[int]
    Y1_FIELD_NUMBER: _ClassVar[int]
    X2_FIELD_NUMBER: _ClassVar[int]
    Y2_FIELD_NUMBER: _ClassVar[int]
    class_id: int
    confidence: float
    x1: float
    y1: float
    x2: float
    y2: float
    def __init__(self, class_id: _Optional[int] = ..., confidence: _Optional[float] = ..., x1: _Optional[float] = ..., y1: _Optional[float] = ..., x2: _Optional[float] = ..., y2: _Optional[float] = ...) -> None: ...

class FrameDetections(_message.Message):
    __slots__ = ("frame_index", "timestamp_us", "detections")
    FRAME_INDEX_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_US_FIELD_NUMBER: _ClassVar[int]
    DETECTIONS_FIELD_NUMBER: _ClassVar[int]
    frame_index: int
    timestamp_us: int
    detections: _containers.RepeatedCompositeFieldContainer[Detection]
    def __init__(self, frame_index: _Optional[int] = ..., timestamp_us: _Optional[int] = ..., detections: _Optional[_Iterable[_Union[Detection, _Mapping]]] = ...) -> None: ...

class DetectFramesRequest(_message.Message):
    __slots__ = ("veil_id", "width", "height", "sub_key", "frames")
    VEIL_ID_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SUB_KEY_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    veil_id: str
    width: int
    height: int
    sub_key: int
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, veil_id: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., sub_key: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class DetectFramesResponse(_message.Message):
    __slots__ = ("model_id", "frames")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    frames: _containers.RepeatedCompositeFieldContainer[FrameDetections]
    def __init__(self, model_id: _Optional[str] = ..., frames: _Optional[_Iterable[_Union[FrameDetections, _Mapping]]] = ...) -> None: ...

class StreamFramesRequest(_message.Message):
    __slots__ = ("open", "chunk")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    open: Open
    chunk: Chunk
    def __init__(self, open: _Optional[_Union[Open, _Mapping]] = ..., chunk: _Optional[_Union[Chunk, _Mapping]] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("site", "camera", "stream_epoch", "veil_id", "width", "height", "sub_key", "live", "sent_at_us", "agent_version", "size")
    SITE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    STREAM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    VEIL_ID_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SUB_KEY_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    site: str
    camera: str
    stream_epoch: int
    veil_id: str
    width: int
    height: int
    sub_key: int
    live: bool
    sent_at_us: int
    agent_version: str
    size: int
    def __init__(self, site: _Optional[str] = ..., camera: _Optional[str] = ..., stream_epoch: _Optional[int] = ..., veil_id: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., sub_key: _Optional[int] = ..., live: _Optional[bool] = ..., sent_at_us: _Optional[int] = ..., agent_version: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("sequence", "committed_seen", "frames", "sent_at_us", "last", "traceparent")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_SEEN_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    committed_seen: int
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    sent_at_us: int
    last: bool
    traceparent: str
    def __init__(self, sequence: _Optional[int] = ..., committed_seen: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ..., sent_at_us: _Optional[int] = ..., last: _Optional[bool] = ..., traceparent: _Optional[str] = ...) -> None: ...

class StreamFramesResponse(_message.Message):
    __slots__ = ("opened", "committed", "moving", "alive")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    MOVING_FIELD_NUMBER: _ClassVar[int]
    ALIVE_FIELD_NUMBER: _ClassVar[int]
    opened: Opened
    committed: Committed
    moving: Moving
    alive: Alive
    def __init__(self, opened: _Optional[_Union[Opened, _Mapping]] = ..., committed: _Optional[_Union[Committed, _Mapping]] = ..., moving: _Optional[_Union[Moving, _Mapping]] = ..., alive: _Optional[_Union[Alive, _Mapping]] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("resume_after", "model", "limits", "clock_offset_us", "alive_every_ms", "received_at_us", "sent_at_us")
    RESUME_AFTER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFFSET_US_FIELD_NUMBER: _ClassVar[int]
    ALIVE_EVERY_MS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    resume_after: int
    model: Model
    limits: Limits
    clock_offset_us: int
    alive_every_ms: int
    received_at_us: int
    sent_at_us: int
    def __init__(self, resume_after: _Optional[int] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., clock_offset_us: _Optional[int] = ..., alive_every_ms: _Optional[int] = ..., received_at_us: _Optional[int] = ..., sent_at_us: _Optional[int] = ...) -> None: ...

class Committed(_message.Message):
    __slots__ = ("sequence", "frames", "episodes", "received_at_us", "sent_at_us")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    frames: _containers.RepeatedCompositeFieldContainer[FrameDetections]
    episodes: _containers.RepeatedCompositeFieldContainer[Episode]
    received_at_us: int
    sent_at_us: int
    def __init__(self, sequence: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[FrameDetections, _Mapping]]] = ..., episodes: _Optional[_Iterable[_Union[Episode, _Mapping]]] = ..., received_at_us: _Optional[int] = ..., sent_at_us: _Optional[int] = ...) -> None: ...

class Moving(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Alive(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Episode(_message.Message):
    __slots__ = ("episode_id", "site", "camera", "tool", "station", "start_us", "end_us", "seen_us", "state", "close_reason", "stream_epoch")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    END_US_FIELD_NUMBER: _ClassVar[int]
    SEEN_US_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_REASON_FIELD_NUMBER: _ClassVar[int]
    STREAM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    episode_id: str
    site: str
    camera: str
    tool: str
    station: str
    start_us: int
    end_us: int
    seen_us: int
    state: EpisodeState
    close_reason: CloseReason
    stream_epoch: int
    def __init__(self, episode_id: _Optional[str] = ..., site: _Optional[str] = ..., camera: _Optional[str] = ..., tool: _Optional[str] = ..., station: _Optional[str] = ..., start_us: _Optional[int] = ..., end_us: _Optional[int] = ..., seen_us: _Optional[int] = ..., state: _Optional[_Union[EpisodeState, str]] = ..., close_reason: _Optional[_Union[CloseReason, str]] = ..., stream_epoch: _Optional[int] = ...) -> None: ...

class GetSiteReportRequest(_message.Message):
    __slots__ = ("site", "from_us", "to_us")
    SITE_FIELD_NUMBER: _ClassVar[int]
    FROM_US_FIELD_NUMBER: _ClassVar[int]
    TO_US_FIELD_NUMBER: _ClassVar[int]
    site: str
    from_us: int
    to_us: int
    def __init__(self, site: _Optional[str] = ..., from_us: _Optional[int] = ..., to_us: _Optional[int] = ...) -> None: ...

class GetSiteReportResponse(_message.Message):
    __slots__ = ("report_json",)
    REPORT_JSON_FIELD_NUMBER: _ClassVar[int]
    report_json: str
    def __init__(self, report_json: _Optional[str] = ...) -> None: ...

class ListEpisodesRequest(_message.Message):
    __slots__ = ("site", "from_us", "to_us", "tools", "page_size", "page_token")
    SITE_FIELD_NUMBER: _ClassVar[int]
    FROM_US_FIELD_NUMBER: _ClassVar[int]
    TO_US_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    site: str
    from_us: int
    to_us: int
    tools: _containers.RepeatedScalarFieldContainer[str]
    page_size: int
    page_token: str
    def __init__(self, site: _Optional[str] = ..., from_us: _Optional[int] = ..., to_us: _Optional[int] = ..., tools: _Optional[_Iterable[str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEpisodesResponse(_message.Message):
    __slots__ = ("episodes", "next_page_token")
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    episodes: _containers.RepeatedCompositeFieldContainer[Episode]
    next_page_token: str
    def __init__(self, episodes: _Optional[_Iterable[_Union[Episode, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchEpisodesRequest(_message.Message):
    __slots__ = ("site",)
    SITE_FIELD_NUMBER: _ClassVar[int]
    site: str
    def __init__(self, site: _Optional[str] = ...) -> None: ...

class WatchEpisodesResponse(_message.Message):
    __slots__ = ("episodes",)
    EPISODES_FIELD_NUMBER: _ClassVar[int]
    episodes: _containers.RepeatedCompositeFieldContainer[Episode]
    def __init__(self, episodes: _Optional[_Iterable[_Union[Episode, _Mapping]]] = ...) -> None: ...

class Commitment(_message.Message):
    __slots__ = ("camera", "stream_epoch", "sequence", "held_from", "first_us", "last_us")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    STREAM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HELD_FROM_FIELD_NUMBER: _ClassVar[int]
    FIRST_US_FIELD_NUMBER: _ClassVar[int]
    LAST_US_FIELD_NUMBER: _ClassVar[int]
    camera: str
    stream_epoch: int
    sequence: int
    held_from: int
    first_us: int
    last_us: int
    def __init__(self, camera: _Optional[str] = ..., stream_epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., held_from: _Optional[int] = ..., first_us: _Optional[int] = ..., last_us: _Optional[int] = ...) -> None: ...

class CheckCommittedRequest(_message.Message):
    __slots__ = ("site", "commitments")
    SITE_FIELD_NUMBER: _ClassVar[int]
    COMMITMENTS_FIELD_NUMBER: _ClassVar[int]
    site: str
    commitments: _containers.RepeatedCompositeFieldContainer[Commitment]
    def __init__(self, site: _Optional[str] = ..., commitments: _Optional[_Iterable[_Union[Commitment, _Mapping]]] = ...) -> None: ...

class Shortfall(_message.Message):
    __slots__ = ("camera", "stream_epoch", "committed", "newest_us", "superseded")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    STREAM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    NEWEST_US_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    camera: str
    stream_epoch: int
    committed: int
    newest_us: int
    superseded: bool
    def __init__(self, camera: _Optional[str] = ..., stream_epoch: _Optional[int] = ..., committed: _Optional[int] = ..., newest_us: _Optional[int] = ..., superseded: _Optional[bool] = ...) -> None: ...

class CheckCommittedResponse(_message.Message):
    __slots__ = ("shortfalls",)
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    shortfalls: _containers.RepeatedCompositeFieldContainer[Shortfall]
    def __init__(self, shortfalls: _Optional[_Iterable[_Union[Shortfall, _Mapping]]] = ...) -> None: ...

class DeviceCamera(_message.Message):
    __slots__ = ("camera", "state", "frames_per_1000s", "last_frame_us", "waiting_frames", "dropped_frames", "restarts")
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_PER_1000S_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_US_FIELD_NUMBER: _ClassVar[int]
    WAITING_FRAMES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FRAMES_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    camera: str
    state: DeviceCameraState
    frames_per_1000s: int
    last_frame_us: int
    waiting_frames: int
    dropped_frames: int
    restarts: int
    def __init__(self, camera: _Optional[str] = ..., state: _Optional[_Union[DeviceCameraState, str]] = ..., frames_per_1000s: _Optional[int] = ..., last_frame_us: _Optional[int] = ..., waiting_frames: _Optional[int] = ..., dropped_frames: _Optional[int] = ..., restarts: _Optional[int] = ...) -> None: ...

class ReportDeviceRequest(_message.Message):
    __slots__ = ("site", "device", "agent_version", "instance", "started_us", "sent_at_us", "clock_offset_us", "clock_error_us", "veil_id", "spool_bytes", "disk_free_bytes", "oldest_unsent_us", "cameras", "cameras_left_out", "stopped", "configuration_number", "configuration_seen", "configuration_refusal")
    SITE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    STARTED_US_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFFSET_US_FIELD_NUMBER: _ClassVar[int]
    CLOCK_ERROR_US_FIELD_NUMBER: _ClassVar[int]
    VEIL_ID_FIELD_NUMBER: _ClassVar[int]
    SPOOL_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    OLDEST_UNSENT_US_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_SEEN_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_REFUSAL_FIELD_NUMBER: _ClassVar[int]
    site: str
    device: str
    agent_version: str
    instance: int
    started_us: int
    sent_at_us: int
    clock_offset_us: int
    clock_error_us: int
    veil_id: str
    spool_bytes: int
    disk_free_bytes: int
    oldest_unsent_us: int
    cameras: _containers.RepeatedCompositeFieldContainer[DeviceCamera]
    cameras_left_out: int
    stopped: bool
    configuration_number: int
    configuration_seen: bytes
    configuration_refusal: DeviceConfigurationRefusal
    def __init__(self, site: _Optional[str] = ..., device: _Optional[str] = ..., agent_version: _Optional[str] = ..., instance: _Optional[int] = ..., started_us: _Optional[int] = ..., sent_at_us: _Optional[int] = ..., clock_offset_us: _Optional[int] = ..., clock_error_us: _Optional[int] = ..., veil_id: _Optional[str] = ..., spool_bytes: _Optional[int] = ..., disk_free_bytes: _Optional[int] = ..., oldest_unsent_us: _Optional[int] = ..., cameras: _Optional[_Iterable[_Union[DeviceCamera, _Mapping]]] = ..., cameras_left_out: _Optional[int] = ..., stopped: _Optional[bool] = ..., configuration_number: _Optional[int] = ..., configuration_seen: _Optional[bytes] = ..., configuration_refusal: _Optional[_Union[DeviceConfigurationRefusal, str]] = ...) -> None: ...

class ReportDeviceResponse(_message.Message):
    __slots__ = ("received_at_us", "sent_at_us", "next_after_ms", "configuration")
    RECEIVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    NEXT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    received_at_us: int
    sent_at_us: int
    next_after_ms: int
    configuration: bytes
    def __init__(self, received_at_us: _Optional[int] = ..., sent_at_us: _Optional[int] = ..., next_after_ms: _Optional[int] = ..., configuration: _Optional[bytes] = ...) -> None: ...

class RoundCaller(_message.Message):
    __slots__ = ("site", "instance", "plan", "round", "attempt")
    SITE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    site: str
    instance: int
    plan: str
    round: int
    attempt: int
    def __init__(self, site: _Optional[str] = ..., instance: _Optional[int] = ..., plan: _Optional[str] = ..., round: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class AnnounceRequest(_message.Message):
    __slots__ = ("caller", "acceptance", "layers", "sent_at_us")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    ACCEPTANCE_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    caller: RoundCaller
    acceptance: bytes
    layers: str
    sent_at_us: int
    def __init__(self, caller: _Optional[_Union[RoundCaller, _Mapping]] = ..., acceptance: _Optional[bytes] = ..., layers: _Optional[str] = ..., sent_at_us: _Optional[int] = ...) -> None: ...

class AnnounceResponse(_message.Message):
    __slots__ = ("sent_at_us", "weights")
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    sent_at_us: int
    weights: int
    def __init__(self, sent_at_us: _Optional[int] = ..., weights: _Optional[int] = ...) -> None: ...

class RoundEntry(_message.Message):
    __slots__ = ("acceptance", "keys")
    ACCEPTANCE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    acceptance: bytes
    keys: bytes
    def __init__(self, acceptance: _Optional[bytes] = ..., keys: _Optional[bytes] = ...) -> None: ...

class SealedShares(_message.Message):
    __slots__ = ("site", "sealed")
    SITE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    site: str
    sealed: bytes
    def __init__(self, site: _Optional[str] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class WatchRoundRequest(_message.Message):
    __slots__ = ("caller", "phase")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    caller: RoundCaller
    phase: RoundPhase
    def __init__(self, caller: _Optional[_Union[RoundCaller, _Mapping]] = ..., phase: _Optional[_Union[RoundPhase, str]] = ...) -> None: ...

class WatchRoundResponse(_message.Message):
    __slots__ = ("plan", "round", "attempt", "phase", "base", "finished", "entries", "shares", "members", "rolls", "reason")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    ROLLS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    plan: str
    round: int
    attempt: int
    phase: RoundPhase
    base: str
    finished: bool
    entries: _containers.RepeatedCompositeFieldContainer[RoundEntry]
    shares: _containers.RepeatedCompositeFieldContainer[SealedShares]
    members: _containers.RepeatedScalarFieldContainer[str]
    rolls: _containers.RepeatedScalarFieldContainer[bytes]
    reason: str
    def __init__(self, plan: _Optional[str] = ..., round: _Optional[int] = ..., attempt: _Optional[int] = ..., phase: _Optional[_Union[RoundPhase, str]] = ..., base: _Optional[str] = ..., finished: _Optional[bool] = ..., entries: _Optional[_Iterable[_Union[RoundEntry, _Mapping]]] = ..., shares: _Optional[_Iterable[_Union[SealedShares, _Mapping]]] = ..., members: _Optional[_Iterable[str]] = ..., rolls: _Optional[_Iterable[bytes]] = ..., reason: _Optional[str] = ...) -> None: ...

class ShareKeysRequest(_message.Message):
    __slots__ = ("caller", "entry")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    caller: RoundCaller
    entry: RoundEntry
    def __init__(self, caller: _Optional[_Union[RoundCaller, _Mapping]] = ..., entry: _Optional[_Union[RoundEntry, _Mapping]] = ...) -> None: ...

class ShareKeysResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShareSecretsRequest(_message.Message):
    __slots__ = ("caller", "shares")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    caller: RoundCaller
    shares: _containers.RepeatedCompositeFieldContainer[SealedShares]
    def __init__(self, caller: _Optional[_Union[RoundCaller, _Mapping]] = ..., shares: _Optional[_Iterable[_Union[SealedShares, _Mapping]]] = ...) -> None: ...

class ShareSecretsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("caller", "values")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    caller: RoundCaller
    values: bytes
    def __init__(self, caller: _Optional[_Union[RoundCaller, _Mapping]] = ..., values: _Optional[bytes] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SignRollRequest(_message.Message):
    __slots__ = ("caller", "roll")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    ROLL_FIELD_NUMBER: _ClassVar[int]
    caller: RoundCaller
    roll: bytes
    def __init__(self, caller: _Optional[_Union[RoundCaller, _Mapping]] = ..., roll: _Optional[bytes] = ...) -> None: ...

class SignRollResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OpeningShare(_message.Message):
    __slots__ = ("site", "words")
    SITE_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    site: str
    words: str
    def __init__(self, site: _Optional[str] = ..., words: _Optional[str] = ...) -> None: ...

class UnmaskRequest(_message.Message):
    __slots__ = ("caller", "seeds", "keys")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    caller: RoundCaller
    seeds: _containers.RepeatedCompositeFieldContainer[OpeningShare]
    keys: _containers.RepeatedCompositeFieldContainer[OpeningShare]
    def __init__(self, caller: _Optional[_Union[RoundCaller, _Mapping]] = ..., seeds: _Optional[_Iterable[_Union[OpeningShare, _Mapping]]] = ..., keys: _Optional[_Iterable[_Union[OpeningShare, _Mapping]]] = ...) -> None: ...

class UnmaskResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("caller", "model")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    caller: RoundCaller
    model: str
    def __init__(self, caller: _Optional[_Union[RoundCaller, _Mapping]] = ..., model: _Optional[str] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: bytes
    def __init__(self, values: _Optional[bytes] = ...) -> None: ...
