"""A task of an event loop that is cancelled in the middle of its deed."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from conformance.library.ways import async_engine, session_connection
from factories.ledger import balance, post
from factories.wallets import wallet
from tallystick import db


class TestCancelledTask:
    def test_leaves_nothing_of_its_deed_and_no_lock(self, lasting_database):
        url = lasting_database.application_url
        with lasting_database.connect() as conn:
            full, empty = wallet(conn, minor=100), wallet(conn)

        async def walk() -> None:
            made = async_engine(url)
            posted = asyncio.Event()

            def move(session):
                conn = session_connection(session)
                post(conn, full.available_id, empty.available_id, 30)
                posted.set()
                db.run(conn, "SELECT pg_sleep(30)")

            async def deed() -> None:
                async with AsyncSession(made) as session, session.begin():
                    await session.run_sync(move)

            task = asyncio.create_task(deed())
            await asyncio.wait_for(posted.wait(), 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await made.dispose()

        asyncio.run(walk())
        with lasting_database.connect() as conn:
            conn.execute("SET LOCAL lock_timeout = '2s'")
            assert balance(conn, full.available_id) == 100
            post(conn, full.available_id, empty.available_id, 100)
