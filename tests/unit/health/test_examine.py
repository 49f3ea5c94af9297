"""Asking checks: together, within the deadline, and what the answers mean."""

from __future__ import annotations

import threading
import time

import pytest

from tallystick.health import Check, Status, examine


def _fails() -> None:
    raise ConnectionError("host db-7.internal refused the password hunter2")


def _answers() -> None:
    return


class TestExamine:
    @pytest.mark.parametrize(
        ("critical", "other", "expected"),
        [
            (_answers, _answers, Status.OK),
            (_answers, _fails, Status.DEGRADED),
            (_fails, _answers, Status.DOWN),
            (_fails, _fails, Status.DOWN),
        ],
    )
    def test_says_what_the_answers_mean(
        self, critical: object, other: object, expected: Status
    ) -> None:
        checks = [
            Check("database", critical, critical=True),  # type: ignore[arg-type]
            Check("redis", other, critical=False),  # type: ignore[arg-type]
        ]
        assert examine(checks, timeout_s=1).status is expected

    def test_without_checks_is_ok(self) -> None:
        assert examine([], timeout_s=1).status is Status.OK

    def test_keeps_the_reason_to_itself(self) -> None:
        report = examine([Check("database", _fails, critical=True)], timeout_s=1)
        assert "hunter2" not in repr(report)

    def test_gives_up_a_check_that_hangs(self) -> None:
        released = threading.Event()

        def hang() -> None:
            released.wait(5)

        hung = Check("redis", hang, critical=False)
        mark = time.monotonic()
        report = examine([hung, Check("database", _answers, critical=True)], timeout_s=0.1)
        assert time.monotonic() - mark < 1
        released.set()
        assert [result.is_ok for result in report.checks] == [False, True]
        assert report.status is Status.DEGRADED

    def test_asks_all_at_the_same_time(self) -> None:
        meeting = threading.Barrier(3, timeout=2)

        def meet() -> None:
            meeting.wait()

        checks = [Check(str(number), meet, critical=True) for number in range(3)]
        assert examine(checks, timeout_s=2).status is Status.OK
