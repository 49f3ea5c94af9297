"""JSON that two readers could take differently is refused, quickly."""

from __future__ import annotations

import json
import time

import pytest

from tallystick.web.parser import read_json
from tallystick.web.problems import JsonMalformed


class TestReadJson:
    def test_returns_what_the_bytes_mean(self) -> None:
        value = {"amount": 1500, "note": "Ämter 🙂", "list": [1.5, None, True, {"a": "b"}]}
        assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"{'a': 1}",
            b'{"a": 1} trailing',
            b'{"a": 1, "a": 2}',
            b'{"outer": {"a": 1, "a": 1}}',
            b"NaN",
            b'{"amount": Infinity}',
            b'{"amount": -Infinity}',
            b'{"amount": 1e400}',
            b'{"amount": ' + b"9" * 5000 + b"}",
            b'{"note": "\\u0000"}',
            b'{"\\u0000": 1}',
            b'{"note": "\\ud800"}',
            b'{"note": "\\udc00\\ud800"}',
            b'{"note": "\xff"}',
            '{"note": "x"}'.encode("utf-16"),
            b"\xef\xbb\xbf{}",
            b"[" * 100_000 + b"]" * 100_000,
            b"[" * 33 + b"]" * 33,
            b'{"a":' * 500_000,
            b"[" + b"0," * 20_001 + b"0]",
        ],
    )
    def test_refuses_what_is_no_strict_json(self, raw: bytes) -> None:
        mark = time.monotonic()
        with pytest.raises(JsonMalformed):
            read_json(raw)
        assert time.monotonic() - mark < 1

    def test_quotes_nothing_of_the_body(self) -> None:
        with pytest.raises(JsonMalformed) as refusal:
            read_json(b'{"card": 4242424242424242 "x"}')
        assert "4242" not in str(refusal.value)

    def test_takes_a_pair_of_surrogates(self) -> None:
        assert read_json(b'"\\ud83d\\ude42"') == "🙂"

    def test_takes_as_deep_as_it_says(self) -> None:
        assert read_json(b"[" * 32 + b"]" * 32)
