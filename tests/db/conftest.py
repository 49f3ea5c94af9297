"""What tests of the heart's rooms share: pools that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tallystick import db


@pytest.fixture
def pool_of() -> Iterator[Callable[[str], db.Pool]]:
    """Make pools that are closed when the test ends."""
    pools: list[db.Pool] = []

    def make(url: str, size_max: int = 8) -> db.Pool:
        pools.append(db.Pool(url, size_max=size_max, timeout_s=5, application_name="test"))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()
