"""The configuration refuses what is unsafe and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.settings import Settings, load_settings
from tallystick.simulator import Configuration, SimulatorError

BASE = {
    "TALLYSTICK_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
    "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
}


def settings(**more: str) -> Settings:
    named = {f"TALLYSTICK_{name.upper()}": value for name, value in more.items()}
    return load_settings({**BASE, **named}, env_file=None)


class TestFromSettings:
    def test_lets_the_command_line_win(self, tmp_path: Path) -> None:
        configuration = Configuration.from_settings(
            settings(stripe_secret_key="sk_test_1", stripe_webhook_secret="whsec_1"),
            port=9000,
            data=tmp_path,
            webhook_url="http://127.0.0.1:1/hook",
        )
        assert (configuration.base_url, configuration.data, configuration.webhook_url) == (
            "http://127.0.0.1:9000",
            tmp_path,
            "http://127.0.0.1:1/hook",
        )

    def test_takes_the_rest_from_the_settings(self) -> None:
        found = Configuration.from_settings(
            settings(stripe_secret_key="sk_test_1", stripe_webhook_secret="whsec_1")
        )
        assert (found.port, found.webhook_url, found.reset) == (8124, None, False)

    @pytest.mark.parametrize("key", [None, "sk_live_1", "rk_test_1"])
    def test_refuses_every_key_but_a_test_key(self, key: str | None) -> None:
        more = {"stripe_secret_key": key, "stripe_webhook_secret": "whsec_1"} if key else {}
        with pytest.raises(SimulatorError, match="sk_test_"):
            Configuration.from_settings(settings(**more))

    def test_shows_people_an_address_that_they_can_reach(self, tmp_path: Path) -> None:
        configuration = Configuration("0.0.0.0", 1, tmp_path, "sk_test_1")  # noqa: S104 - nothing listens
        assert configuration.base_url == "http://127.0.0.1:1"
