"""Who else uses a folder: one holder at a time, and stale pid files are told from live ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallystick.embedded import AlreadyRunning, occupants


class TestGuarded:
    def test_refuses_a_second_holder_and_names_the_first(self, tmp_path: Path) -> None:
        with (
            occupants.guarded(tmp_path),
            pytest.raises(AlreadyRunning) as refusal,
            occupants.guarded(tmp_path),
        ):
            pass
        assert refusal.value.pid == os.getpid()
        assert f"as process {os.getpid()}" in str(refusal.value)
        assert str(tmp_path) in str(refusal.value)

    def test_gives_the_folder_back(self, tmp_path: Path) -> None:
        for _ in range(2):
            with occupants.guarded(tmp_path):
                assert (tmp_path / "engines.lock").read_text() == f"{os.getpid()}\n"


class TestClear:
    def test_takes_away_a_pid_file_that_names_another_program(self, tmp_path: Path) -> None:
        (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n")
        occupants.clear(tmp_path)
        assert not (tmp_path / "postmaster.pid").exists()

    def test_leaves_a_pid_file_of_the_dead_to_postgresql(self, tmp_path: Path) -> None:
        (tmp_path / "postmaster.pid").write_text(f"{2**22 + 1}\n{tmp_path}\n")
        occupants.clear(tmp_path)
        assert (tmp_path / "postmaster.pid").exists()

    @pytest.mark.parametrize("torn", ["", "\n", "abc\n"])
    def test_bears_a_torn_pid_file(self, tmp_path: Path, torn: str) -> None:
        (tmp_path / "postmaster.pid").write_text(torn)
        occupants.clear(tmp_path)
        assert occupants.postmaster_lines(tmp_path) == torn.splitlines()


class TestClusterName:
    def test_differs_by_folder_and_fits_a_title(self, tmp_path: Path) -> None:
        names = {occupants.cluster_name(tmp_path / name) for name in ("one", "two")}
        assert len(names) == 2
        assert max(map(len, names)) < 32
