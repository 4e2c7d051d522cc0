"""The service's own values as messages."""

from protos import raypp_pb2 as pb
from raypp import __version__
from raypp.serving.limits import ServiceLimits
from raypp.serving.model import ServedModel


def model_message(model: ServedModel) -> pb.Model:
    """Return the message that describes a model."""
    return pb.Model(
        model_id=model.model_id,
        veil_id=model.veil_id,
        spec_json=model.spec.canonical().decode(),
        size=model.size,
        classes=model.classes,
    )


def description(model: ServedModel, limits: ServiceLimits, now_us: int) -> pb.DescribeModelResponse:
    """Return the answer to DescribeModel, given at `now_us` by the service's clock."""
    return pb.DescribeModelResponse(
        model=model_message(model), limits=limits.message(), service_version=__version__, service_time_us=now_us
    )
