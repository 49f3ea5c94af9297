"""The notebook: passwords and ports stay the same, and nobody else reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.embedded.notebook import Notebook


class TestOpen:
    def test_begins_with_passwords_that_are_long_and_all_different(self, tmp_path: Path) -> None:
        notebook, is_known = Notebook.open(tmp_path)
        passwords = {
            notebook.superuser_password,
            notebook.owner_password,
            notebook.login_password,
            notebook.valkey_password,
        }
        assert not is_known
        assert len(passwords) == 4
        assert min(map(len, passwords)) >= 32

    def test_returns_what_was_saved(self, tmp_path: Path) -> None:
        saved = Notebook.open(tmp_path)[0].with_ports(postgresql=20_001).with_ports(valkey=20_002)
        saved.save(tmp_path)
        assert Notebook.open(tmp_path) == (saved, True)
        assert (saved.postgresql_port, saved.valkey_port) == (20_001, 20_002)

    @pytest.mark.parametrize("torn", ["", "{", "[]", "{}", '{"superuser_password": 1}', "\x00"])
    def test_begins_anew_where_the_file_is_torn(self, tmp_path: Path, torn: str) -> None:
        (tmp_path / "engines.json").write_text(torn)
        notebook, is_known = Notebook.open(tmp_path)
        assert not is_known
        assert notebook.owner_password


class TestSave:
    def test_lets_nobody_else_read_it(self, tmp_path: Path) -> None:
        Notebook.open(tmp_path)[0].save(tmp_path)
        assert (tmp_path / "engines.json").stat().st_mode & 0o777 == 0o600

    def test_leaves_no_other_file(self, tmp_path: Path) -> None:
        (tmp_path / "engines.json.new").write_text("of an interrupted save")
        Notebook.open(tmp_path)[0].save(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["engines.json"]
