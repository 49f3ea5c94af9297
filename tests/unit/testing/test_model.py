"""Slices and cues, without a socket."""

from __future__ import annotations

import pytest

from tallystick.testing import TcpProxy, Trouble
from tallystick.testing.model import Cue


class TestSlices:
    @pytest.mark.parametrize(
        ("most", "expected"),
        [(0, [b"abcde"]), (2, [b"ab", b"cd", b"e"]), (5, [b"abcde"]), (9, [b"abcde"])],
    )
    def test_lose_no_byte(self, most, expected):
        assert list(Trouble(slice_bytes=most).slices(b"abcde")) == expected


class TestCue:
    @pytest.mark.parametrize(
        ("tail", "piece", "is_heard"),
        [
            (b"", b"COMMIT", True),
            (b"", b"..COMMIT..", True),
            (b"..COM", b"MIT", True),
            (b"COMMIT", b"", False),
            (b"..COMMIT", b"..", False),
            (b"", b"COM", False),
        ],
    )
    def test_is_heard_once_also_across_pieces(self, tail, piece, is_heard):
        assert Cue(b"COMMIT", is_delivered=False, times=1).is_in(tail, piece) is is_heard

    def test_may_be_one_byte(self):
        assert not Cue(b"X", is_delivered=False, times=1).is_in(b"X", b"Y")


class TestUrl:
    def test_keeps_all_but_the_place(self):
        proxy = TcpProxy.to("postgresql://app:p%40ss@db.example:6543/books?sslmode=disable")
        proxy.port = 7000
        assert proxy.url("postgresql://app:p%40ss@db.example:6543/books?sslmode=disable") == (
            "postgresql://app:p%40ss@127.0.0.1:7000/books?sslmode=disable"
        )


class TestOutsideItsBlock:
    def test_says_where_it_listens(self):
        with pytest.raises(RuntimeError, match="within its block"):
            TcpProxy("127.0.0.1", 1).cut()
