"""The form of an alert: CloudEvents 1.0 in structured JSON."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from raypp.ledger.delivery import Delivery

CONTENT_TYPE = "application/cloudevents+json"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cloud_event(delivery: Delivery, source: str) -> bytes:
    """Return an alert as a CloudEvent: the same bytes in every try.

    Args:
        delivery: the alert.
        source: how the event's source begins.
    """
    where = f"{delivery.site}/{delivery.camera}" if delivery.camera else delivery.site
    content: dict[str, Any] = json.loads(delivery.content)
    event = {
        "specversion": "1.0",
        "id": delivery.alert_id,
        "source": f"{source}/{where}",
        "type": f"raypp.{delivery.kind}",
        "subject": delivery.rule,
        "time": rfc3339(delivery.moment_us),
        "datacontenttype": "application/json",
        "data": {"site": delivery.site, "camera": delivery.camera or None, "rule": delivery.rule} | content,
    }
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def rfc3339(moment_us: int) -> str:
    """Return a moment as CloudEvents' `time`, in UTC."""
    return (_EPOCH + timedelta(microseconds=moment_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
