"""Environments to start from: the least that development needs, and a sound production."""

from __future__ import annotations

import pytest

from tallystick.settings import Settings

DEVELOPMENT = {
    "TALLYSTICK_DATABASE_URL": "postgresql://app:pw@127.0.0.1:5432/tallystick",
    "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:6379/0",
}


@pytest.fixture
def development() -> dict[str, str]:
    return dict(DEVELOPMENT)


@pytest.fixture
def production() -> dict[str, str]:
    examples = {
        f"TALLYSTICK_{name.upper()}": note.example for name, note in Settings.notes().items()
    }
    examples.pop("TALLYSTICK_ACCEPT")
    examples["TALLYSTICK_SECRET_KEY"] = "kP3vQ9xZ7rT1mB5nC8wL2sD6fG4hJ0yUaEiOqXbVcNzMlRtWe"
    examples["TALLYSTICK_SECRET_KEY"] += "Yp0"
    return examples
