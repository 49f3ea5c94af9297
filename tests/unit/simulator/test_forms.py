"""Forms decode as the SDK encodes them, and nothing ambiguous passes."""

from __future__ import annotations

import pytest

from tallystick.simulator.errors import FormMalformed
from tallystick.simulator.forms import decode


class TestDecode:
    @pytest.mark.parametrize(
        ("raw", "form"),
        [
            (b"", {}),
            (b"a=1", {"a": "1"}),
            (b"a=", {"a": ""}),
            (b"a=1%2B1+%C3%BC", {"a": "1+1 ü"}),
            (b"a[b][0][c]=5", {"a": {"b": {"0": {"c": "5"}}}}),
            (b"a%5Bb%5D=1&a%5Bc%5D=2", {"a": {"b": "1", "c": "2"}}),
            (b"a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}),
            (b"m[key with spaces]=1", {"m": {"key with spaces": "1"}}),
        ],
    )
    def test_returns_what_was_meant(self, raw: bytes, form: object) -> None:
        assert decode(raw) == form

    @pytest.mark.parametrize(
        "raw",
        [
            b"a",
            b"=1",
            b"a=1&&b=2",
            b"a=1&a=2",
            b"a=1&a[b]=2",
            b"a[b]=1&a=2",
            b"a[b=1",
            b"a]=1",
            b"a[b]c=1",
            b"[a]=1",
            b"a.b=1",
            b"a=%zz",
            b"a=%",
            b"a=%ff",
            b"a=%00",
            b"a[b][c][d][e][f][g][h][i]=1",
            b"&".join(b"a%d=1" % n for n in range(1_001)),
        ],
    )
    def test_refuses_what_it_would_have_to_guess(self, raw: bytes) -> None:
        with pytest.raises(FormMalformed):
            decode(raw)
