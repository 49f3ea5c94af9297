"""The README's example runs, and returns what the README says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tallystick import wallets

README = Path(__file__).parents[3] / "README.md"


@pytest.fixture
def example() -> dict[str, Any]:
    (block,) = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own page
    return names


class TestOpenShop:
    def test_returns_what_the_readme_says(
        self, conn: psycopg.Connection, example: dict[str, Any]
    ) -> None:
        said = example["open_shop"](conn, "lamu-books")
        assert f"returns `{said}`" in README.read_text()

    def test_commits_nothing(self, conn: psycopg.Connection, example: dict[str, Any]) -> None:
        example["open_shop"](conn, "lamu-books")
        conn.rollback()
        assert wallets.of_owner(conn, owner="shop:lamu-books") == []
