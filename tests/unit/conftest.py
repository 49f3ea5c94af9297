"""What unit tests share: peers on a socket, that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from factories.peers import Peer, Talk


@pytest.fixture
def peer() -> Iterator[Callable[[Callable[[Talk], object] | None], Peer]]:
    """Make peers by their scripts."""
    made: list[Peer] = []

    def make(script: Callable[[Talk], object] | None) -> Peer:
        made.append(Peer(script))
        return made[-1]

    yield make
    for one in made:
        one.close()
