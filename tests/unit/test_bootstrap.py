"""The composition root: what the house decides from its settings alone."""

from __future__ import annotations

import pytest

from tallystick.bootstrap import House
from tallystick.keys import Environment
from tallystick.settings import load_settings


class TestKeyEnvironment:
    @pytest.mark.parametrize(
        ("env", "opened_by"),
        [("production", Environment.LIVE), ("development", Environment.TEST)],
    )
    def test_is_live_in_production_alone(self, env, opened_by):
        settings = load_settings().model_copy(update={"env": env})
        assert House.from_settings(settings).key_environment is opened_by
