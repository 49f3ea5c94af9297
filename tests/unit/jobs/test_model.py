"""Handlers, rhythms and drains that could never run are refused when they are made."""

from __future__ import annotations

import pytest

from tallystick import jobs
from tallystick.errors import TallystickError


def handler(name: str = "mail.send", queue: str = "mail", attempts_max: int = 8) -> jobs.Handler:
    return jobs.Handler(name, queue=queue, run=print, attempts_max=attempts_max)


class TestGroups:
    def test_give_each_queue_to_one_process(self) -> None:
        queues = [queue for queues in jobs.GROUPS.values() for queue in queues]
        assert sorted(queues) == sorted(set(queues))
        assert jobs.GROUPS["money"] == ("money",)


class TestHandler:
    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ({"name": "send"}, "job_refused"),
            ({"queue": "letters"}, "job_queue_unknown"),
            ({"attempts_max": 0}, "job_refused"),
        ],
    )
    def test_is_refused_where_it_could_never_run(self, fault: dict[str, object], code: str) -> None:
        with pytest.raises(TallystickError) as refusal:
            handler(**fault)  # type: ignore[arg-type]
        assert refusal.value.code == code


class TestRegistry:
    def test_gives_what_was_added(self) -> None:
        registry = jobs.Registry()
        registry.add(handler())
        assert registry.get("mail.send").queue == "mail"
        assert "mail.send" in registry
        assert [one.name for one in registry] == ["mail.send"]

    def test_refuses_a_name_twice(self) -> None:
        registry = jobs.Registry()
        registry.add(handler())
        with pytest.raises(jobs.HandlerKnown):
            registry.add(handler())

    def test_knows_nobody_else(self) -> None:
        with pytest.raises(jobs.HandlerUnknown):
            jobs.Registry().get("mail.send")

    def test_takes_one_rhythm_for_a_known_handler(self) -> None:
        registry = jobs.Registry()
        with pytest.raises(jobs.HandlerUnknown):
            registry.add_periodic(jobs.Periodic("mail.send", every_s=60))
        registry.add(handler())
        registry.add_periodic(jobs.Periodic("mail.send", every_s=60))
        with pytest.raises(jobs.HandlerKnown):
            registry.add_periodic(jobs.Periodic("mail.send", every_s=5))
        assert [one.every_s for one in registry.periodics] == [60]


class TestPeriodic:
    def test_is_no_faster_than_a_second(self) -> None:
        with pytest.raises(jobs.JobRefused):
            jobs.Periodic("mail.send", every_s=0)


class TestDrain:
    def test_belongs_to_a_group_with_a_process(self) -> None:
        with pytest.raises(jobs.QueueUnknown):
            jobs.Drain("inbox", group="hooks", channel="c", run=lambda: 0, most=1)

    def test_takes_one_at_a_time_or_more(self) -> None:
        with pytest.raises(jobs.JobRefused):
            jobs.Drain("inbox", group="webhooks", channel="c", run=lambda: 0, most=0)
