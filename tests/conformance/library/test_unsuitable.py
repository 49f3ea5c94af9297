"""Connections that the heart cannot use: each is told why, before anything is written."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from django.db import transaction
from django.test import override_settings
from psycopg.rows import namedtuple_row, scalar_row
from sqlalchemy.ext.asyncio import AsyncSession

from conformance.library.ways import async_engine, django_connection
from factories.wallets import wallet
from tallystick import db
from tallystick.db import ConnectionUnsuitable


class TestAsyncConnection:
    def test_is_sent_to_run_sync(self, lasting_database):
        async def walk() -> None:
            async with await psycopg.AsyncConnection.connect(
                lasting_database.application_url
            ) as conn:
                with pytest.raises(ConnectionUnsuitable, match="run_sync"):
                    db.now(conn)

        asyncio.run(walk())

    def test_of_sqlalchemys_driver_is_sent_to_the_pools_own(self, lasting_database):
        async def walk() -> None:
            made = async_engine(lasting_database.application_url)

            def hand_over(session):
                with pytest.raises(ConnectionUnsuitable, match=r"session\.connection"):
                    db.now(session.connection().connection.driver_connection)

            async with AsyncSession(made) as session:
                await session.run_sync(hand_over)
            await made.dispose()

        asyncio.run(walk())


class TestMomentsWithoutZone:
    def test_are_refused(self, lasting_database):
        url = lasting_database.application_url
        with (
            override_settings(USE_TZ=False),
            django_connection(url) as connection,
            transaction.atomic(using="team"),
            pytest.raises(ConnectionUnsuitable, match="USE_TZ"),
        ):
            db.now(connection)


class TestRowFactories:
    def test_of_named_tuples_are_fine(self, lasting_database):
        url = lasting_database.application_url
        with psycopg.connect(url, row_factory=namedtuple_row) as conn:
            assert wallet(conn, minor=5).available.minor == 5

    def test_that_lose_columns_are_refused(self, lasting_database):
        url = lasting_database.application_url
        with (
            psycopg.connect(url, row_factory=scalar_row) as conn,
            pytest.raises(ConnectionUnsuitable, match="row factory"),
        ):
            db.now(conn)
