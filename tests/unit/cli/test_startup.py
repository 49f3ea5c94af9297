"""Which house a command means: the one of the data folder that is named here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallystick.cli.startup import house_file, settings_or_exit


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder to stand in, with two houses and nothing of Tallystick in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        os, "environ", {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    )
    for folder, port in ((".tallystick", 9001), ("other", 9002)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "running.env").write_text(
            f"export TALLYSTICK_PORT={port}\n"
            "export TALLYSTICK_DATABASE_URL=postgresql://x@127.0.0.1:1/x\n"
            "export TALLYSTICK_REDIS_URL=redis://127.0.0.1:1/0\n"
        )
    return tmp_path


@pytest.mark.usefixtures("place")
class TestSettingsOrExit:
    def test_takes_the_house_of_this_folder_where_none_is_named(self) -> None:
        assert settings_or_exit(of_running_house=True).port == 9001

    def test_takes_the_house_that_the_environment_names(self) -> None:
        os.environ["TALLYSTICK_DATA_FOLDER"] = "other"
        assert settings_or_exit(of_running_house=True).port == 9002

    def test_takes_the_house_that_the_file_names(self, place: Path) -> None:
        (place / ".env").write_text("TALLYSTICK_DATA_FOLDER=other\n")
        assert settings_or_exit(of_running_house=True).port == 9002


class TestHouseFile:
    def test_lets_the_environment_win_over_the_file(self, place: Path) -> None:
        (place / ".env").write_text("TALLYSTICK_DATA_FOLDER=other\n")
        os.environ["TALLYSTICK_DATA_FOLDER"] = "third"
        assert house_file() == Path("third", "running.env")
        os.environ["TALLYSTICK_DATA_FOLDER"] = ""
        assert house_file() == Path(".tallystick", "running.env")
