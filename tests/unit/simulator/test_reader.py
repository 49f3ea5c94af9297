"""The journal is read from outside: while it is written, cut, or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tallystick.simulator import SimulatorError, read_journal
from tallystick.simulator.errors import JournalDamaged, JournalUnreadable
from tallystick.simulator.journal import FILE_NAME


class TestReadJournal:
    def test_takes_no_lock_and_leaves_a_cut_line_out(self, shop: Any) -> None:
        charge = shop.pay(shop.session()["id"])["charge"]
        shop.post("/v1/refunds", {"charge": charge, "amount": 100})
        folder = shop.configuration.data
        whole = read_journal(folder)
        with (folder / FILE_NAME).open("ab") as file:
            file.write(b'{"seq":4,"prov')
        assert read_journal(folder) == whole
        assert list(whole.charges) == [charge]
        assert len(whole.webhooks_owed) == 5

    def test_tells_where_there_is_none(self, tmp_path: Path) -> None:
        for place in (tmp_path / "none", "http://127.0.0.1:9"):
            with pytest.raises(JournalUnreadable):
                read_journal(place)

    def test_refuses_a_damaged_one(self, tmp_path: Path) -> None:
        (tmp_path / FILE_NAME).write_bytes(b"no json\n")
        with pytest.raises(JournalDamaged):
            read_journal(tmp_path)
        (tmp_path / FILE_NAME).write_bytes(b"{}\n")
        with pytest.raises(SimulatorError):
            read_journal(tmp_path)
