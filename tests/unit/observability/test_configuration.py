"""Log lines: one form for ours and for other people's."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextvars import copy_context

import pytest
import structlog

from tallystick import observability


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


class TestConfigure:
    def test_gives_both_kinds_of_loggers_one_form(self, capsys: pytest.CaptureFixture[str]) -> None:
        observability.configure("INFO", "json")
        structlog.get_logger("ours").info("wallet_opened", wallet="wal_1", password="hunter2")
        logging.getLogger("theirs").warning("key %s", "sk_live_abcdefgh")
        ours, theirs = _lines(capsys)
        assert ours["event"] == "wallet_opened"
        assert ours["password"] == "[redacted]"
        assert theirs["event"] == "key [redacted]"
        assert {"level", "logger", "timestamp"} <= ours.keys() & theirs.keys()

    def test_cuts_a_letter_s_key_out_of_other_people_s_lines(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        observability.configure("INFO", "json")
        logging.getLogger("django.request").error(
            "%s: %s", "Not Found", "/new-password/2c-d3aaaa", extra={"status_code": 404}
        )
        (line,) = _lines(capsys)
        assert line["event"] == "Not Found: /new-password/[redacted]"

    def test_leaves_out_what_is_below_the_level(self, capsys: pytest.CaptureFixture[str]) -> None:
        observability.configure("WARNING", "json")
        structlog.get_logger("ours").info("quiet")
        assert not _lines(capsys)

    def test_keeps_a_traceback_in_its_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        observability.configure("INFO", "json")
        try:
            int("4242 4242 4242 4242")
        except ValueError:
            structlog.get_logger("ours").exception("broken")
        (line,) = _lines(capsys)
        assert "base 10: '[redacted]'" in str(line["exception"])

    def test_for_people_is_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        observability.configure("INFO", "console")
        structlog.get_logger("ours").info("forged", note="a\nINFO second line")
        (line,) = capsys.readouterr().err.splitlines()
        assert "forged" in line


class TestRequestId:
    def test_follows_a_request_into_its_thread_alone(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        observability.configure("INFO", "json")

        def work() -> None:
            observability.bind_request_id("request-1")
            thread = threading.Thread(target=copy_context().run, args=(log_it,))
            thread.start()
            thread.join()

        def log_it() -> None:
            structlog.get_logger("ours").info("inside")

        copy_context().run(work)
        log_it()
        inside, outside = _lines(capsys)
        assert inside["request_id"] == "request-1"
        assert "request_id" not in outside
        assert observability.request_id() == ""
