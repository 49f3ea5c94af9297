"""Logs: one structured line an event, with the request's id, and with no secret in it.

It decides nothing and is asked by nobody: losing every line would change no outcome. Metrics have
doors of their own, `metrics` and `exposition`, because they need the server's packages.
"""

from __future__ import annotations

from tallystick.observability.configuration import configure
from tallystick.observability.context import bind_request_id, request_id
from tallystick.observability.redaction import redact

__all__ = ["bind_request_id", "configure", "redact", "request_id"]
