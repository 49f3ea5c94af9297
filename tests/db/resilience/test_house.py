"""What the house makes of its breakers: a check of health, and commands about the fleet's."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tallystick.bootstrap import House
from tallystick.resilience import BreakerOpen
from tallystick.settings import load_settings

NAME = "stripe.collect"


def environment(redis_url: str) -> dict[str, str]:
    return {
        "TALLYSTICK_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
        "TALLYSTICK_REDIS_URL": redis_url,
        "TALLYSTICK_BREAKER_VOLUME_MIN": "4",
    }


@pytest.fixture
def house(store):
    made = House.from_settings(load_settings(environment(store.url), env_file=None))
    yield made
    made.close()


def trip(breakers):
    def bad():
        raise OSError

    for _ in range(40):
        try:
            breakers.call(NAME, bad, is_failure=lambda _: True)
        except BreakerOpen:
            return
        except OSError:
            pass
    raise AssertionError("it did not trip")


def tallystick(url, *words):
    kept = {name: text for name, text in os.environ.items() if not name.startswith("TALLYSTICK")}
    return subprocess.run(
        [sys.executable, "-m", "tallystick.cli", "breakers", *words],
        env={**kept, **environment(url), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


class TestCheck:
    def test_is_well_until_one_trips_and_after_it_resets(self, house):
        [check] = [one for one in house.checks if one.name == "breakers"]
        assert not check.critical
        check.run()
        trip(house.breakers)
        with pytest.raises(RuntimeError, match=r"stripe\.collect"):
            check.run()
        assert house.breakers.reset(NAME)
        check.run()

    def test_sees_what_another_process_has_tripped(self, house, store):
        other = House.from_settings(load_settings(environment(store.url), env_file=None))
        trip(other.breakers)
        [check] = [one for one in house.checks if one.name == "breakers"]
        with pytest.raises(RuntimeError, match=r"stripe\.collect"):
            check.run()
        other.close()

    def test_asks_of_this_process_alone_while_the_store_is_away(self):
        house = House.from_settings(
            load_settings(environment("redis://127.0.0.1:9/0"), env_file=None)
        )
        [check] = [one for one in house.checks if one.name == "breakers"]
        check.run()
        trip(house.breakers)
        with pytest.raises(RuntimeError, match=r"stripe\.collect"):
            check.run()
        house.close()


class TestCommands:
    def test_list_and_reset_the_fleets_breakers(self, house, store):
        assert "No breaker is known" in tallystick(store.url, "list").stdout
        trip(house.breakers)
        listed = tallystick(store.url, "list")
        assert listed.returncode == 0, listed.stderr
        assert NAME in listed.stdout
        assert "open" in listed.stdout
        [told] = json.loads(tallystick(store.url, "list", "--json").stdout)["breakers"]
        assert (told["name"], told["state"], told["shared"]) == (NAME, "open", True)
        done = tallystick(store.url, "reset", NAME)
        assert (done.returncode, done.stdout) == (0, f"{NAME} is closed.\n")
        assert house.breakers.call(NAME, lambda: 7, is_failure=lambda _: True) == 7
        again = tallystick(store.url, "reset", NAME)
        assert again.stdout == f"{NAME} was closed already.\n"

    def test_refuse_what_is_unknown(self, store):
        done = tallystick(store.url, "reset", "stripe.nothing")
        assert done.returncode == 1
        assert "No breaker is called 'stripe.nothing'" in done.stderr

    @pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["reset", NAME]])
    def test_say_that_the_store_is_away(self, words):
        done = tallystick("redis://127.0.0.1:9/0", *words)
        assert done.returncode == 1
        assert "The cache (TALLYSTICK_REDIS_URL) does not answer." in done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
