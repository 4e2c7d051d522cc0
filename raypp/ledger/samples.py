"""Samples of a stream's kept frames: some chunks of a stretch of time, evenly spread, and the model that found them."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from raypp.ledger.packing import unpack_detections, unpack_frames
from raypp.ledger.tables import ChunkRow, FrameRow, ModelRow, StreamRow, TermRow
from raypp.usage.observation import Observation, SeenFrame


@dataclass(frozen=True)
class StreamOfModel:
    """A stream of a camera, and the models that its chunks are of.

    Attributes:
        stream_id: its key.
        camera: its camera.
        terms: first chunk, model_id and classes of each model, by first chunk.
    """

    stream_id: int
    camera: str
    terms: tuple[tuple[int, str, str], ...]

    def model_at(self, sequence: int) -> tuple[str, str]:
        """Return model_id and classes, as JSON, of a chunk."""
        begun = [term for term in self.terms if term[0] <= sequence]
        _, model_id, classes = begun[-1] if begun else self.terms[0]
        return model_id, classes


def streams_of_models(connection: Connection, site: str, camera: str | None) -> list[StreamOfModel]:
    """Read the streams of a site that have committed anything, by camera and epoch.

    Args:
        connection: where to look.
        site: the site.
        camera: only this one; None: all.
    """
    query = (
        select(StreamRow.stream_id, StreamRow.camera, ModelRow.model_id, ModelRow.classes)
        .join(ModelRow, ModelRow.model_key == StreamRow.model_key)
        .where(StreamRow.site == site, StreamRow.committed > 0)
        .order_by(StreamRow.camera, StreamRow.epoch)
    )
    if camera is not None:
        query = query.where(StreamRow.camera == camera)
    streams = []
    for row in connection.execute(query).all():
        terms = connection.execute(
            select(TermRow.from_sequence, ModelRow.model_id, ModelRow.classes)
            .join(ModelRow, ModelRow.model_key == TermRow.model_key)
            .where(TermRow.stream_id == row.stream_id)
            .order_by(TermRow.from_sequence)
        ).all()
        known = tuple((int(term[0]), str(term[1]), str(term[2])) for term in terms)
        streams.append(StreamOfModel(row.stream_id, row.camera, known or ((0, row.model_id, row.classes),)))
    return streams


def sample_frames(
    connection: Connection, stream_id: int, from_us: int, to_us: int, most: int
) -> list[tuple[int, SeenFrame]]:
    """Read observed frames of some of a stream's chunks that begin within [from_us, to_us), with their chunk's number.

    Args:
        connection: where to look.
        stream_id: the stream's key.
        from_us: event time, microseconds since 1970.
        to_us: likewise, exclusive.
        most: chunks that are read at most; those of a ledger of schema 0006 or older count as one a frame.
    """
    of_chunks = (ChunkRow.stream_id == stream_id, ChunkRow.first_us >= from_us, ChunkRow.first_us < to_us)
    of_rows = (FrameRow.stream_id == stream_id, FrameRow.timestamp_us >= from_us, FrameRow.timestamp_us < to_us)
    frames: list[tuple[int, SeenFrame]] = []
    count = connection.execute(select(func.count()).where(*of_chunks)).scalar_one()
    if count:
        spread = max(1, -(-count // most))
        chunks = select(ChunkRow.sequence, ChunkRow.packed, ChunkRow.frames).where(*of_chunks)
        for row in connection.execute(chunks.where(ChunkRow.sequence % spread == 0).order_by(ChunkRow.sequence)):
            frames += [(row.sequence, frame) for frame in unpack_frames(row.packed, row.frames)]
    count = connection.execute(select(func.count()).where(*of_rows)).scalar_one()
    if count:
        spread = max(1, -(-count // most))
        rows = select(
            FrameRow.sequence, FrameRow.frame_index, FrameRow.timestamp_us, FrameRow.observation, FrameRow.detections
        ).where(*of_rows, FrameRow.frame_index % spread == 0)
        frames += [
            (row.sequence, SeenFrame(row.frame_index, row.timestamp_us, Observation(row.observation),
                                     unpack_detections(row.detections)))
            for row in connection.execute(rows.order_by(FrameRow.frame_index))
        ]  # fmt: skip
    return [(sequence, frame) for sequence, frame in frames if frame.observation is Observation.OBSERVED]
