"""What must be the same at the next start: passwords and ports, in one file of mode 600."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final, Self

__all__ = ["Notebook"]

_FILE: Final = "engines.json"
#: Bytes of randomness in a password.
_STRENGTH: Final = 24


@dataclass(frozen=True, slots=True)
class Notebook:
    """The engines' passwords, and the ports that they had last (0: none yet)."""

    superuser_password: str
    owner_password: str
    login_password: str
    valkey_password: str
    postgresql_port: int = 0
    valkey_port: int = 0

    @classmethod
    def open(cls, folder: Path) -> tuple[Self, bool]:
        """Return the folder's notebook, and whether it was there.

        One that is lost or cannot be understood is begun anew: whoever can write the data can
        also give them new passwords.
        """
        path = folder / _FILE
        try:
            kept = json.loads(path.read_bytes())
            known = {field.name: type_ for field, type_ in zip(fields(cls), _TYPES, strict=True)}
            if all(isinstance(kept[name], type_) for name, type_ in known.items()):
                return cls(**{name: kept[name] for name in known}), True
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass
        new = [secrets.token_urlsafe(_STRENGTH) for _ in range(4)]
        return cls(new[0], new[1], new[2], new[3]), False

    def with_ports(self, *, postgresql: int | None = None, valkey: int | None = None) -> Self:
        """Return the notebook with the ports that are in use now."""
        return replace(
            self,
            postgresql_port=postgresql or self.postgresql_port,
            valkey_port=valkey or self.valkey_port,
        )

    def save(self, folder: Path) -> None:
        """Write the notebook into the folder: wholly or not at all, for its owner alone."""
        new = folder / f"{_FILE}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(descriptor)
        new.replace(folder / _FILE)


_TYPES: Final = (str, str, str, str, int, int)
