"""`tallystick webhooks`, as an operator at a terminal runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from factories import inbox
from factories.inbox import Recording
from tallystick import webhooks
from tallystick.webhooks import Way, rules, store


@pytest.fixture
def pool(database, pool_of):
    return pool_of(database.application_url)


@pytest.fixture
def command(database, tmp_path):
    """Run a command of the inbox and return its status, and what it said on either stream."""

    def run(*words: str, typed: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "webhooks", *words],
            env={
                **os.environ,
                **database.environment,
                "TALLYSTICK_DATA_FOLDER": str(tmp_path / "none"),
            },
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def failed(pool) -> list[str]:
    """Let two events fail and one be processed; return the names of the failed ones."""
    inbox.receive(pool, "evt_1", "evt_2", "evt_3")
    with pool.transaction() as conn:
        conn.execute(
            "UPDATE tallystick.webhook_event SET attempts = %s WHERE external_id <> 'evt_3'",
            (rules.ATTEMPTS_MAX - 1,),
        )
    handler = Recording(refused=["evt_1", "evt_2"])
    webhooks.drain(pool=pool, handlers={"stripe": handler})
    return ["evt_1", "evt_2"]


def states(pool) -> dict[str, str]:
    with pool.transaction() as conn:
        return {event.external_id: event.state.value for event in webhooks.events(conn)}


class TestList:
    def test_shows_events_without_their_bodies(self, command, pool, failed):
        status, said, _ = command("list", "--state", "failed", "--json")
        found = json.loads(said)
        assert status == 0
        assert [event["external_id"] for event in found] == failed[::-1]
        assert found[0]["id"].startswith("whk_")
        assert found[0]["error"] == "LookupError: not yet"
        assert "body" not in found[0]
        status, said, _ = command("list", "--before", found[0]["id"])
        assert status == 0
        assert "evt_1" in said
        assert "evt_2" not in said
        assert "LookupError: not yet" in said

    def test_says_that_there_is_none(self, command):
        assert command("list", "--provider", "nobody")[:2] == (0, "There is no such event.\n")


class TestReplay:
    def test_of_one_event_has_it_processed_again_once(self, command, pool, failed):
        [event, _] = json.loads(command("list", "--state", "failed", "--json")[1])
        assert command("replay", event["id"])[0] == 0
        assert states(pool) == {"evt_1": "failed", "evt_2": "received", "evt_3": "processed"}
        status, said, refused = command("replay", event["id"])
        assert (status, said) == (1, "")
        assert "The event is received" in refused

    def test_of_all_failed_asks_first(self, command, pool, failed):
        assert "2 failed events" in command("replay", "--failed", "--dry-run")[1]
        assert command("replay", "--failed", typed="n\n")[0] == 1
        assert list(states(pool).values()).count("failed") == len(failed)
        status, said, _ = command("replay", "--failed", typed="y\n")
        assert status == 0
        assert "2 events will be processed again." in said
        assert states(pool) == {"evt_1": "received", "evt_2": "received", "evt_3": "processed"}

    @pytest.mark.usefixtures("failed")
    def test_of_a_span_takes_no_other(self, command, pool):
        assert (
            "0 failed events" in command("replay", "--failed", "--until", "2020-01-01", "--yes")[1]
        )
        assert command("replay", "--failed", "--since", "2020-01-01", "--yes")[0] == 0
        assert "failed" not in states(pool).values()

    @pytest.mark.parametrize(
        ("words", "status"),
        [
            ([], 2),
            (["whk_nonsense"], 1),
            (["whk_" + "0" * 26], 1),
            (["whk_" + "0" * 26, "--failed"], 2),
            (["whk_" + "0" * 26, "--since", "2020-01-01"], 2),
        ],
    )
    def test_refuses_what_makes_no_sense(self, command, words, status):
        found, said, refused = command("replay", *words)
        assert (found, said) == (status, "")
        assert refused
        assert "Traceback" not in refused


class TestGaps:
    def test_lists_what_nobody_delivered(self, command, pool):
        inbox.receive(pool, "evt_delivered")
        assert command("gaps")[:2] == (0, "Every event that is here was delivered.\n")
        with pool.transaction() as conn:
            store.keep(conn, [webhooks.Delivery("stripe", inbox.event("evt_lost"), Way.POLLED)])
        [event] = json.loads(command("gaps", "--json")[1])
        assert (event["external_id"], event["source"]) == ("evt_lost", "polled")
