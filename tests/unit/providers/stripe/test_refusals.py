"""Stripe's refusals: stable codes, each with a sentence that the papers know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick.providers.stripe.refusals import SENTENCES, sentence_of

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "refusals.md"


class TestSentenceOf:
    @pytest.mark.parametrize("code", sorted(SENTENCES))
    def test_is_ours_and_stands_in_the_papers(self, code):
        assert sentence_of(code, "Stripe's own words") == (code, SENTENCES[code])
        assert f"| `{code}` | {SENTENCES[code]} |" in PAGE.read_text(encoding="utf-8")

    def test_has_no_code_in_the_papers_that_nobody_gives(self):
        stripe = PAGE.read_text(encoding="utf-8").partition("## Stripe")[2]
        assert set(re.findall(r"^\| `(\w+)` \|", stripe, flags=re.MULTILINE)) == set(SENTENCES)

    def test_of_a_code_that_is_new_is_the_provider_s(self):
        assert sentence_of("card_velocity_exceeded", " Too often. ") == (
            "card_velocity_exceeded",
            "Too often.",
        )

    @pytest.mark.parametrize("code", ["", "DROP TABLE", "x" * 61, "é", "a\nb", "9lives"])
    def test_of_what_is_no_code_is_a_plain_refusal(self, code):
        kept, sentence = sentence_of(code, "")
        assert (kept, sentence) == ("invalid_request", SENTENCES["invalid_request"])

    def test_is_never_empty_and_never_long(self):
        for given in ("", "   ", "x" * 5_000):
            assert 1 <= len(sentence_of("something_else", given)[1]) <= 500

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("No\0pe", "Nope"),
            ("Not today.\r\nPlease\tcome\u2028again. ", "Not today. Please come again."),
            ("\x1b[31mred\x07", "[31mred"),
            ("half \ud800 a sign", "half  a sign"),
            ("\0", "The provider refused. Try again or another way."),
        ],
    )
    def test_is_one_line_that_a_database_keeps(self, given, kept):
        assert sentence_of("something_else", given) == ("something_else", kept)
