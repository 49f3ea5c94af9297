"""What moves where, what goes together, and when it is tried again."""

from __future__ import annotations

import re
from importlib import resources
from uuid import UUID

import pytest

from tallystick.webhooks import EventState, rules
from tallystick.webhooks.rules import Due


def due(number: int, **change: object) -> Due:
    known = {"provider": "stripe", "attempts": 0, "is_begun": False, "late_s": 0.0}
    return Due(UUID(int=number), **{**known, **change})


class TestAllowed:
    def test_names_the_states_that_the_table_knows(self):
        schema = (resources.files("tallystick.database") / "schema.sql").read_text()
        table = schema.partition("CREATE TABLE tallystick.webhook_event (")[2]
        found = re.search(r"state_is_known CHECK \(state IN \(([^)]*)\)", table)
        assert set(re.findall(r"'(\w+)'", found[1])) == set(EventState) == set(rules.ALLOWED)

    def test_never_moves_what_is_booked(self):
        assert rules.ALLOWED[EventState.PROCESSED] == frozenset()

    def test_goes_back_by_a_replay_alone(self):
        back = {one for one, after in rules.ALLOWED.items() if EventState.RECEIVED in after}
        assert back == {EventState.FAILED, EventState.IGNORED}


class TestWaitS:
    def test_grows_to_a_quarter_of_an_hour(self):
        waits = [rules.wait_s(attempts) for attempts in range(1, 13)]
        assert waits == sorted(waits)
        assert (waits[0], waits[1], waits[-1]) == (1, 2, 900)


class TestLeaseS:
    def test_of_a_first_run_is_short(self):
        assert rules.lease_s(due(1)) == rules.LEASE_S

    @pytest.mark.parametrize(("attempts", "lease_s"), [(1, 3), (2, 4), (5, 32), (11, 900)])
    def test_grows_with_runs_that_never_ended(self, attempts, lease_s):
        assert rules.lease_s(due(1, attempts=attempts, is_begun=True)) == lease_s


class TestRuns:
    def test_keep_the_order_and_part_the_providers(self):
        events = [due(1), due(2, provider="other"), due(3)]
        assert rules.runs(events) == [("stripe", [events[0], events[2]]), ("other", [events[1]])]

    def test_have_what_did_not_end_well_alone_and_last(self):
        events = [due(1, is_begun=True), due(2), due(3, is_begun=True), due(4)]
        found = [[one.id.int for one in some] for _, some in rules.runs(events)]
        assert found == [[2, 4], [1], [3]]

    def test_of_nothing_are_none(self):
        assert rules.runs([]) == []


class TestIsSpent:
    def test_begins_at_the_cap(self):
        spent = [due(1, attempts=attempts).is_spent for attempts in (11, 12, 13)]
        assert spent == [False, True, True]
