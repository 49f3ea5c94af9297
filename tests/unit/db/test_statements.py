"""Named SQL is read once, by name, without its heads."""

from __future__ import annotations

import pytest

from tallystick.db import Statements


class TestStatements:
    def test_are_found_by_name_without_their_end(self):
        statement = Statements("tallystick.webhooks")["wake"]
        assert statement.endswith("SELECT pg_notify(%(channel)s, '') AS woken")

    def test_name_the_columns_of_a_record(self):
        found = Statements("tallystick.payments", columns={"payment": ["id", "owner"]})
        assert "SELECT payment.id, payment.owner\nFROM tallystick.payment" in found["by_id"]
        assert "payment.*" not in "".join(found[name] for name in found.names)

    def test_have_no_other_names(self):
        with pytest.raises(KeyError):
            Statements("tallystick.webhooks")["claim_everything"]
