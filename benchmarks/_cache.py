"""A Valkey of its own for a benchmark: breakers are shared there, as a fleet shares them."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.embedded import place, valkey


@contextmanager
def shared_cache() -> Iterator[str]:
    """Give the address of an empty cache, which is gone afterwards."""
    password = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-", dir="/var/tmp") as folder:
        # Its programs may have to run as another user.
        Path(folder).chmod(0o755)
        chosen = place.choose(Path(folder), report=lambda _: None)
        server = valkey.start(chosen, password, 0, log=Path(folder) / "valkey.log")
        try:
            yield server.url(password)
        finally:
            server.stop()
