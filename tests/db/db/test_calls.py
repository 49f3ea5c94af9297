"""Statements through anybody's connection: fields come as our types, whatever the driver reads."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from tallystick import db

IDENTITY = UUID("018f0000-0000-7000-8000-000000000001")
MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIELDS = (
    "SELECT %(id)s::uuid AS id, %(at)s::timestamptz AS at, %(body)s::bytea AS body,"
    " NULL::uuid AS none"
)
VALUES = {"id": IDENTITY, "at": MOMENT, "body": b"\x00\xff"}


class TestRows:
    @pytest.mark.parametrize("is_text", [False, True])
    @pytest.mark.parametrize("is_mapping", [False, True])
    def test_are_tuples_of_our_types(self, conn, is_mapping, is_text):
        if is_mapping:
            conn.row_factory = dict_row
        if is_text:
            for name in ("uuid", "timestamptz", "bytea"):
                conn.adapters.register_loader(name, TextLoader)
        assert db.rows(conn, FIELDS, VALUES) == [(IDENTITY, MOMENT, b"\x00\xff", None)]

    def test_may_be_none(self, conn):
        assert db.rows(conn, "SELECT 1 AS one WHERE FALSE") == []

    def test_read_a_column_that_begins_with_nothing(self, conn):
        conn.adapters.register_loader("uuid", TextLoader)
        statement = "SELECT id FROM unnest(%(ids)s::uuid[]) AS one (id)"
        assert db.rows(conn, statement, {"ids": [None, IDENTITY]}) == [(None,), (IDENTITY,)]


class TestRecords:
    def test_are_named_by_their_columns(self, conn):
        [record] = db.records(conn, FIELDS, VALUES)
        assert record == {"id": IDENTITY, "at": MOMENT, "body": b"\x00\xff", "none": None}


class TestRequireTransaction:
    def test_is_content_inside_one_and_inside_a_savepoint(self, conn):
        db.require_transaction(conn)
        with conn.transaction():
            db.require_transaction(conn)
