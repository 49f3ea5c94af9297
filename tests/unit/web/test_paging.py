"""Cursors: opaque, and none but ours."""

from __future__ import annotations

import django
import pytest
from hypothesis import given
from hypothesis import strategies as st

django.setup()

from tallystick.web.api.paging import (  # noqa: E402 - Django comes first
    CursorMalformed,
    read_cursor,
    show_cursor,
)


class TestCursor:
    @given(st.integers(min_value=1, max_value=10**18 - 1))
    def test_comes_back_as_it_went(self, version):
        assert read_cursor(show_cursor(version)) == version

    @pytest.mark.parametrize(
        "text", ["", "1", "v1", "é", "djE=", "dgo", "djAx", "dj" * 30, "djE\n", "!!!!"]
    )
    def test_refuses_what_no_list_gave(self, text):
        with pytest.raises(CursorMalformed):
            read_cursor(text)
