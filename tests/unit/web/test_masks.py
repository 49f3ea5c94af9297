"""Names as others may see them."""

from __future__ import annotations

import django
import pytest
from hypothesis import given
from hypothesis import strategies as st

django.setup()

from tallystick.web.people.recipients import masked, wallet_named  # noqa: E402 - Django comes first


class TestMasked:
    @pytest.mark.parametrize(
        ("name", "handle", "email", "shown"),
        [
            ("Wanjiru Kamau", None, "w@x.org", "Wa… K."),
            ("  wanjiru wa  kamau ", "wk", "w@x.org", "wa… K."),
            ("Bo", None, "bo@x.org", "B…"),
            ("Q", None, "q@x.org", "Q…"),
            ("", "wanjiru", "w@x.org", "@wa…"),
            ("", None, "wanjiru@example.org", "wa…@e…"),
        ],
    )
    def test_shows_the_beginning_alone(self, name, handle, email, shown):
        assert masked(name=name, handle=handle, email=email) == shown

    @given(st.text(max_size=40))
    def test_takes_any_name(self, name):
        assert masked(name=name, handle=None, email="w@x.org")


class TestWalletNamed:
    @pytest.mark.parametrize(
        "text",
        ["", "wanjiru", "wal_x", "wal_" + "z" * 26, "/pay/wal_", "ftp://x/pay/wal_" + "0" * 26],
    )
    def test_knows_no_other_text(self, text):
        assert wallet_named(text) is None

    @pytest.mark.parametrize("before", ["", " ", "/pay/", "http://a.example/pay/"])
    def test_reads_ids_and_links(self, before):
        found = wallet_named(before + "wal_" + "0" * 25 + "1")
        assert found is not None
        assert found.int == 1
