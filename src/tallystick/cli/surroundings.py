"""What `tallystick start` adds to the environment of its children, and which keys it makes.

What the person has set, in the environment or in `.env`, always wins. Keys are made once and
kept in files of mode 600; nothing here prints one.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tallystick.settings import Reading

__all__ = [
    "Keys",
    "Surroundings",
    "forget_keys",
    "is_given",
    "keep_demo_key",
    "kept_demo_key",
]

_KEYS_FILE: Final = "keys.json"
_DEMO_KEY_FILE: Final = "demo.key"
_PREFIX: Final = "TALLYSTICK_"
_STRIPE: Final = ("stripe_secret_key", "stripe_webhook_secret", "stripe_api_url")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of this checkout's own development world."""

    secret_key: str
    stripe_secret_key: str
    stripe_webhook_secret: str

    @classmethod
    def of(cls, folder: Path) -> Keys:
        """Return the folder's keys; make and keep them where there are none that can be read."""
        path = folder / _KEYS_FILE
        try:
            return cls(**json.loads(path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            pass
        made = cls(
            secrets.token_urlsafe(64),
            "sk_test_simulator" + secrets.token_hex(16),
            "whsec_" + secrets.token_hex(24),
        )
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, json.dumps({name: getattr(made, name) for name in cls.__slots__}))
        return made


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The person's settings, and what is added to them for children."""

    reading: Reading
    added: dict[str, str] = field(default_factory=dict)

    @property
    def has_own_stripe(self) -> bool:
        """Return whether the person talks to Stripe (or a stand-in) of their own."""
        return any(is_given(self.reading, name) for name in _STRIPE)

    def add(self, **values: object) -> None:
        """Add values of settings, each only where the person has not set it."""
        for name, value in values.items():
            if not is_given(self.reading, name):
                self.added[_PREFIX + name.upper()] = str(value)

    def insist(self, **values: object) -> None:
        """Add values of settings that an option on the command line has asked for."""
        self.added.update({_PREFIX + name.upper(): str(value) for name, value in values.items()})

    def environment(self, **more: str) -> dict[str, str]:
        """Return the whole environment of a child."""
        return {**os.environ, **self.added, **more}

    def write_for_shell(self, path: Path, more: Mapping[str, str]) -> None:
        """Write what was added so that a shell can read it, for its owner alone."""
        values = {**self.added, **more}
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
        _write(path, "".join(lines))


def forget_keys(folder: Path) -> None:
    """Delete the folder's keys: the next start makes others."""
    for name in (_KEYS_FILE, _DEMO_KEY_FILE):
        (folder / name).unlink(missing_ok=True)


def kept_demo_key(folder: Path) -> str | None:
    """Return the text of the demo person's API key, None where the folder keeps none."""
    try:
        return (folder / _DEMO_KEY_FILE).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ValueError):
        return None


def keep_demo_key(folder: Path, text: str) -> None:
    """Keep the text of the demo person's API key, for its owner alone."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / _DEMO_KEY_FILE, text)


def is_given(reading: Reading, name: str) -> bool:
    """Return whether the person has set this setting, in the environment or in `.env`."""
    return reading.sources[name] in {"environment", ".env"}


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
