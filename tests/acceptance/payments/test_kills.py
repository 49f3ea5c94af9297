"""A worker dies between the provider's deed and our record of it: nothing is lost or done twice.

The provider kills its caller once its deed stands in its journal. Workers are real families,
whose parents start the dead again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.acceptance.payments.till import COMPLETED, MINOR, Till, opened, until

#: Each has one process for money with one job at a time: a death costs one job its run.
FAMILIES = 5
#: By then the attempt of a dead run is over, whatever became of it.
FORGOTTEN_S = 60


@contextmanager
def mortal(database, folder: Path, count: int) -> Iterator[Till]:
    """Give a house whose money is worked on by so many families that die alone."""
    # A caller that gave up is not there to be killed: on a busy machine a second is soon over.
    settings = {"TALLYSTICK_MONEY_CONCURRENCY": "1", "TALLYSTICK_STRIPE_TIMEOUT_S": "5"}
    with opened(database, folder, **settings) as till, ExitStack() as stack:
        for number in range(1, count):
            words = ("worker", "--group", "money")
            stack.enter_context(till.house.more(*words, log=f"worker-{number}"))
        yield till


def deaths(till: Till) -> int:
    """Return how many money workers were killed."""
    logs = "\n".join(log.read_text() for log in till.house.folder.glob("worker*.log"))
    told = [json.loads(line) for line in logs.splitlines() if line.startswith("{")]
    return sum(
        one["event"] == "worker_died" and (one["member"], one["status"]) == ("money", -9)
        for one in told
    )


def all_are(till: Till, state: str, table: str) -> bool:
    found = till.scalar(f"SELECT count(*) FROM tallystick.{table} WHERE state <> %s", state)
    return found == 0


def forget(till: Till, table: str) -> None:
    """Let the janitor look at once at what dead runs left behind."""
    until(lambda: till.scalar(_YOUNG) == 0)
    till.advance(FORGOTTEN_S)
    until(lambda: not till.scalar(f"SELECT count(*) FROM tallystick.{table} WHERE {_STUCK}"))


_YOUNG = """
    SELECT count(*) FROM tallystick.attempt
    WHERE ended_at IS NULL AND deadline_at > clock_timestamp()"""
_STUCK = "state IN ('created', 'sending', 'unknown')"


def killed_while_collecting(till: Till, count: int) -> list[str]:
    """Ask for payments whose calls all kill their caller, and return them, settled."""
    till.fault("kill_caller", times=count)
    asked = [till.ask() for _ in range(count)]
    until(lambda: deaths(till) == count, within_s=240, every_s=0.5)
    forget(till, "payment")
    assert Counter(
        one["client_reference_id"] for one in till.objects("checkout_session")
    ) == dict.fromkeys(asked, 1)
    for payment in asked:
        assert till.pay(payment) == "paid"
    until(lambda: all_are(till, "settled", "payment"), within_s=60, every_s=0.2)
    for payment in asked:
        assert till.balance(payment) == MINOR
        assert till.outcomes(payment) == ["unknown", "answered"]
        assert [step.state for step in till.file(payment).steps].count("settled") == 1
    return asked


def killed_while_refunding(till: Till, asked: list[str]) -> None:
    """Refund all of them, half of each, with calls that all kill their caller."""
    before = deaths(till)
    till.fault("kill_caller", match="refund.create", times=len(asked))
    for payment in asked:
        till.refund(payment, MINOR // 2)
    until(lambda: deaths(till) == before + len(asked), within_s=240, every_s=0.5)
    forget(till, "refund")
    until(lambda: all_are(till, "settled", "refund"), within_s=60, every_s=0.2)
    told = till.journal.refunds.values()
    assert Counter(one.metadata["tallystick_payment"] for one in told) == dict.fromkeys(asked, 1)
    until(
        lambda: till.scalar("SELECT count(*) FROM tallystick.attempt WHERE ended_at IS NULL") == 0
    )
    for payment in asked:
        file = till.file(payment)
        assert till.balance(payment) == MINOR - MINOR // 2
        assert [one.state for one in file.refunds] == ["settled"]
        assert [step.state for step in file.steps if step.refund_id].count("settled") == 1
        assert len(till.outcomes(payment)) in {3, 4}


def kill_and_prove(database, folder: Path, *, count: int, families: int) -> None:
    with mortal(database, folder, families) as till:
        asked = killed_while_collecting(till, count)
        killed_while_refunding(till, asked)
        assert till.is_right() == {"charges": count, "refunds": count}
        assert deaths(till) == 2 * count
        assert till.scalar(_FAILED) == []
        assert till.scalar(_RUN_TWICE) == 2 * count
        assert till.scalar(_HEARD, COMPLETED) == count


#: The run that died counts as one.
_RUN_TWICE = """
    SELECT count(*) FROM procrastinate_jobs
    WHERE task_name IN ('payments.submit', 'payments.refund')
        AND status = 'succeeded' AND attempts = 2"""
_FAILED = """
    SELECT coalesce(array_agg(task_name), '{}') FROM procrastinate_jobs
    WHERE status = 'failed' AND queue_name = 'money'"""
_HEARD = """
    SELECT count(*) FROM tallystick.webhook_event WHERE kind = %s AND state = 'processed'"""


class TestKill:
    def test_after_the_provider_s_deed_loses_and_doubles_nothing(self, database, tmp_path):
        kill_and_prove(database, tmp_path, count=2, families=2)

    @pytest.mark.full
    @pytest.mark.timeout(600)
    def test_fifty_times_after_the_provider_s_deed_loses_and_doubles_nothing(
        self, database, tmp_path
    ):
        kill_and_prove(database, tmp_path, count=50, families=FAMILIES)
