"""Cursors: opaque, and none but ours."""

from __future__ import annotations

import django
import pytest
from hypothesis import given
from hypothesis import strategies as st

django.setup()

from tallystick import ids  # noqa: E402 - Django comes first
from tallystick.web.api.paging import (  # noqa: E402 - Django comes first
    CursorMalformed,
    after_id,
    before_version,
    show_cursor,
)


class TestCursor:
    @given(st.integers(min_value=1, max_value=10**18 - 1))
    def test_of_a_version_comes_back_as_it_went(self, version):
        assert before_version(show_cursor(version)) == version

    @given(st.uuids())
    def test_of_an_id_comes_back_as_it_went(self, identity):
        assert after_id(show_cursor(identity)) == identity

    @pytest.mark.parametrize("read", [before_version, after_id])
    @pytest.mark.parametrize(
        "text", ["", "1", "v1", "é", "djE=", "dgo", "djAx", "dj" * 30, "djE\n", "!!!!"]
    )
    def test_refuses_what_no_list_gave(self, read, text):
        with pytest.raises(CursorMalformed):
            read(text)

    def test_of_one_list_is_refused_by_another(self):
        with pytest.raises(CursorMalformed):
            after_id(show_cursor(7))
        with pytest.raises(CursorMalformed):
            before_version(show_cursor(ids.new()))
