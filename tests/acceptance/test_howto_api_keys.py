"""docs/howto/api-keys.md: its commands, run as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tallystick.keys import Scope

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "api-keys.md"


class TestPage:
    def test_shows_commands_that_work(self, person, paste):
        told = paste(PAGE, {"you@example.org": person.email, "wal_…": person.wallet})
        wallets, payment, of_nobody = (json.loads(line) for line in told.splitlines())
        assert [one["id"] for one in wallets["items"]] == [person.wallet]
        assert (payment["wallet"], payment["amount"]) == (person.wallet, 150_000)
        assert of_nobody["items"] == []

    def test_names_every_scope(self):

        told = re.findall(r"^\| `([a-z]+:[a-z]+)` \|", PAGE.read_text(), re.MULTILINE)
        assert sorted(told) == sorted(Scope)
