"""What bin/start knows of the demo: when to seed, and a key that opens this database."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from factories.ledger import KES
from tallystick import db, keys, wallets
from tallystick.cli import demo
from tallystick.cli.surroundings import keep_demo_key, kept_demo_key
from tallystick.database import seeds
from tallystick.keys import Environment, Key


@pytest.fixture
def url(database) -> str:
    """Give a database in which the demo person has a wallet, as after a seed."""
    with psycopg.connect(database.application_url) as conn:
        wallets.open_wallet(conn, owner=seeds.AMINA.owner, currency=KES, now=db.now(conn))
    return database.application_url


def opened(url: str, text: str) -> Key:
    """Return the key behind the text."""
    with psycopg.connect(url) as conn:
        key, _ = keys.verify(conn, presented=text, environment=Environment.TEST)
        return key


def issued(url: str) -> list[Key]:
    with psycopg.connect(url) as conn:
        return keys.recent(conn)


class TestIsWanted:
    def test_is_true_until_somebody_has_a_wallet(self, database):
        assert demo.is_wanted(database.application_url)
        with psycopg.connect(database.application_url) as conn:
            wallets.open_wallet(conn, owner="shop:1", currency=KES, now=db.now(conn))
        assert not demo.is_wanted(database.application_url)


class TestFind:
    def test_finds_nobody_where_nothing_was_seeded(self, database, tmp_path: Path):
        assert demo.find(database.application_url, tmp_path) is None
        assert kept_demo_key(tmp_path) is None

    def test_issues_a_key_that_acts_for_the_demo_person_alone(self, url, tmp_path: Path):
        found = demo.find(url, tmp_path)
        assert found is not None
        assert opened(url, found.api_key).owner == seeds.AMINA.owner
        assert (tmp_path / "demo.key").stat().st_mode & 0o777 == 0o600
        assert found.api_key not in repr(found)

    def test_finds_the_same_key_again(self, url, tmp_path: Path):
        first = demo.find(url, tmp_path)
        assert demo.find(url, tmp_path) == first
        assert len(issued(url)) == 1

    @pytest.mark.parametrize("text", ["", "torn", "tsk_test_" + "0" * 16 + "_" + "0" * 32])
    def test_issues_another_where_the_kept_one_opens_nothing(self, url, tmp_path: Path, text):
        keep_demo_key(tmp_path, text)
        found = demo.find(url, tmp_path)
        assert found is not None
        assert opened(url, found.api_key)
        assert kept_demo_key(tmp_path) == found.api_key

    def test_issues_another_where_the_kept_one_was_revoked(self, url, tmp_path: Path):
        first = demo.find(url, tmp_path)
        with psycopg.connect(url) as conn:
            keys.revoke(conn, key_id=issued(url)[0].id, now=db.now(conn))
        second = demo.find(url, tmp_path)
        assert second is not None
        assert second != first
        assert opened(url, second.api_key).revoked_at is None
