"""psycopg's pipeline mode: less waiting for answers, and nothing else changes."""

from __future__ import annotations

import psycopg
import pytest

from factories.ledger import balance, deed, move, post
from factories.wallets import wallet
from tallystick import ledger
from tallystick.ledger import InsufficientFunds, Posted, Refused


@pytest.fixture
def pair(lasting_database):
    """Give a wallet's account with 100 in it and an empty one's, committed."""
    with psycopg.connect(lasting_database.application_url) as conn:
        return wallet(conn, minor=100).available_id, wallet(conn).available_id


@pytest.fixture
def held(lasting_database, pair):
    """Return what both hold once all is committed."""

    def read() -> list[int]:
        with psycopg.connect(lasting_database.application_url) as conn:
            return [balance(conn, one) for one in pair]

    return read


class TestPipeline:
    def test_commits_what_was_posted_and_refuses_the_rest(self, lasting_database, pair, held):
        asked = [deed(move(*pair, 60)), deed(move(*pair, 60)), deed(move(*pair, 40))]
        with (
            psycopg.connect(lasting_database.application_url) as conn,
            conn.pipeline(),
            conn.transaction(),
        ):
            outcomes = ledger.execute(conn, asked)
        assert [type(outcome) for outcome in outcomes] == [Posted, Refused, Posted]
        assert held() == [0, 100]

    def test_rolls_back_with_its_transaction(self, lasting_database, pair, held):
        def spend() -> None:
            with (
                psycopg.connect(lasting_database.application_url) as conn,
                conn.pipeline(),
                conn.transaction(),
            ):
                post(conn, *pair, 60)
                post(conn, *pair, 60)

        with pytest.raises(InsufficientFunds):
            spend()
        assert held() == [100, 0]

    @pytest.mark.parametrize("autocommit", [False, True])
    def test_undoes_all_where_a_write_fails_later(
        self, lasting_database, pair, held, *, autocommit
    ):
        """In autocommit too: what is sent before a sync is one transaction to the server."""
        same = deed(move(*pair, 10))

        def twice(conn: psycopg.Connection) -> None:
            with conn.pipeline():
                ledger.execute(conn, [same])
                ledger.execute(conn, [same])

        url = lasting_database.application_url
        with psycopg.connect(url, autocommit=autocommit) as conn:
            with pytest.raises(psycopg.errors.UniqueViolation):
                twice(conn)
            conn.rollback()
            assert conn.execute("SELECT 1").fetchone() == (1,)
        assert held() == [100, 0]
