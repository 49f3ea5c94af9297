"""Faults wait their turn, happen once, and only where they fit."""

from __future__ import annotations

import os

import pytest

from tallystick.simulator.errors import FaultMalformed
from tallystick.simulator.faults import OPERATION_FAULTS, WEBHOOK_FAULTS, Faults


class TestTake:
    def test_returns_each_fault_once_and_in_order(self) -> None:
        faults = Faults()
        faults.add({"what": "error_500"})
        faults.add({"what": "slow", "after_s": 0.5, "times": 2})
        taken = [faults.take("refund.create", family=OPERATION_FAULTS) for _ in range(4)]
        assert [fault and (fault.what, fault.after_s) for fault in taken] == [
            ("error_500", 5),
            ("slow", 0.5),
            ("slow", 0.5),
            None,
        ]

    def test_leaves_faults_of_the_other_family(self) -> None:
        faults = Faults()
        faults.add({"what": "lost_webhook"})
        assert faults.take("refund.create", family=OPERATION_FAULTS) is None
        assert faults.take("charge.refunded", family=WEBHOOK_FAULTS) is not None

    def test_waits_for_what_it_names(self) -> None:
        faults = Faults()
        faults.add({"what": "error_500", "match": "refund.create"})
        assert faults.take("checkout.session.create", family=OPERATION_FAULTS) is None
        found = faults.take("refund.create", family=OPERATION_FAULTS, is_default=False)
        assert found is not None

    def test_spares_reads_unless_they_are_named(self) -> None:
        faults = Faults()
        faults.add({"what": "error_500"})
        assert faults.take("event.list", family=OPERATION_FAULTS, is_default=False) is None


class TestAdd:
    @pytest.mark.parametrize(
        "order",
        [
            {},
            {"what": "explode"},
            {"what": ["error_500"]},
            {"what": "error_500", "match": 1},
            {"what": "slow", "after_s": -1},
            {"what": "slow", "after_s": float("nan")},
            {"what": "slow", "after_s": True},
            {"what": "slow", "after_s": "5"},
            {"what": "error_500", "times": 0},
            {"what": "error_500", "times": 1_001},
            {"what": "error_500", "times": True},
            {"what": "error_500", "whatever": 1},
            {"what": "kill_caller", "pid": 0},
            {"what": "kill_caller", "pid": 1},
            {"what": "kill_caller", "pid": -1},
            {"what": "kill_caller", "pid": True},
            {"what": "kill_caller", "pid": "2"},
            {"what": "kill_caller", "pid": os.getpid()},
            {"what": "slow", "pid": 4_194_300},
            {"what": "slow", "retry_after_s": 1},
            {"what": "rate_limited", "retry_after_s": -1},
            {"what": "other_payment"},
            {"what": "other_payment", "currency": "euro"},
            {"what": "other_payment", "amount": 1.5},
            {"what": "pending_refund", "status": "lost"},
        ],
    )
    def test_refuses_an_order_that_it_does_not_understand(self, order: dict[str, object]) -> None:
        faults = Faults()
        with pytest.raises(FaultMalformed):
            faults.add(order)
        assert faults.waiting() == []

    def test_keeps_the_queue_bounded(self) -> None:
        faults = Faults()
        faults.add({"what": "error_500", "times": 1_000})
        with pytest.raises(FaultMalformed, match="clear"):
            faults.add({"what": "error_500"})
        faults.clear()
        assert faults.waiting() == []
