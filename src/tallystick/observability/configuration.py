"""Where log lines go: to the standard error stream, as JSON or for people.

The standard library's loggers, other people's included, come out in the same form.
"""

from __future__ import annotations

import logging
import sys
from typing import Final, Literal

import structlog
from structlog.typing import Processor

from tallystick.observability.context import add_request_id
from tallystick.observability.redaction import redact_event

__all__ = ["configure"]

#: Loggers whose lines say what a line of ours says already, or what nobody asked.
_QUIETER: Final = {
    "django.request": logging.ERROR,
    # Anybody can send a foreign Host; the request's own line shows the refusal.
    "django.security.DisallowedHost": logging.CRITICAL,
    "django.server": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "stripe": logging.WARNING,
    "urllib3": logging.WARNING,
    "psycopg.pool": logging.ERROR,
}


def configure(settings_log_level: str, log_format: Literal["json", "console"]) -> None:
    """Route every log line of this process; a second call replaces the first."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_request_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact_event,
                _renderer(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings_log_level)
    for name, level in _QUIETER.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)


def _renderer(log_format: Literal["json", "console"]) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    # Tracebacks are text already, so that redaction has seen them.
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
