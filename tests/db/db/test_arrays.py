"""Columns come back as they went: as text over any driver's connection, in binary over our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick import db
from tallystick.db import arrays

KINDS = {
    "uuid": (arrays.uuids, st.uuids()),
    "bigint": (arrays.integers, st.integers(-(2**63), 2**63 - 1)),
    "text": (arrays.texts, st.text(st.characters(exclude_characters="\0", codec="utf-8"))),
    "timestamptz": (
        arrays.moments,
        st.datetimes(
            datetime(1, 1, 2),  # noqa: DTZ001 - the zone is drawn beside it
            datetime(9999, 12, 30),  # noqa: DTZ001 - the same
            timezones=st.just(UTC) | st.just(timezone(timedelta(hours=3))),
        ),
    ),
    "bytea": (arrays.blobs, st.binary()),
}
ODD = {
    "uuid": [UUID(int=0), UUID(int=2**128 - 1), None],
    "text": ["NULL", "", '"', "\\", "{},", "a\nb", " ", "\N{SNOWMAN}", None, None],
    "bytea": [b"", b"\x00\\x", None],
}


@pytest.fixture(scope="module", params=["text", "binary"])
def line(request, lasting_database):
    """Give a plain connection of psycopg's, and one of ours."""
    url = lasting_database.application_url
    if request.param == "text":
        with psycopg.connect(url) as conn:
            yield conn
    else:
        with db.connect(url, application_name="test") as conn:
            yield conn


def there_and_back(line, kind, values):
    column = KINDS[kind][0](values)
    statement = f"SELECT one FROM unnest(%(values)s::{kind}[]) AS one"
    return [one for (one,) in db.rows(line, statement, {"values": column})]


class TestColumn:
    @pytest.mark.parametrize("kind", list(KINDS))
    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(data=st.data())
    def test_comes_back_as_it_went(self, line, kind, data):
        values = data.draw(st.lists(st.none() | KINDS[kind][1], max_size=12))
        assert there_and_back(line, kind, values) == values

    @pytest.mark.parametrize("kind", list(ODD))
    def test_of_odd_values_comes_back_too(self, line, kind):
        assert there_and_back(line, kind, ODD[kind]) == ODD[kind]
