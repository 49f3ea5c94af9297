"""`tallystick env`: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tallystick.cli import env
from tallystick.settings import Settings

CANARY = "canary7421"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    app = typer.Typer()
    env.register(app)
    wide = {"COLUMNS": "300", **(environ or {})}
    return CliRunner().invoke(app, ["env", *arguments], env=wide)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    import os  # noqa: PLC0415 - the one place of this file that touches the environment

    for name in os.environ:
        if name.upper().startswith("TALLYSTICK_"):
            monkeypatch.delenv(name)


SOUND = {
    "TALLYSTICK_DATABASE_URL": f"postgresql://app:{CANARY}@h/db",
    "TALLYSTICK_REDIS_URL": f"redis://:{CANARY}@h",
}


@pytest.mark.usefixtures("place")
class TestCheck:
    def test_lists_every_problem_and_exits_1(self) -> None:
        result = run("check", environ={"TALLYSTICK_PORT": "[red]x", "TALLYSTICK_PROT": CANARY})
        assert result.exit_code == 1
        for text in ("TALLYSTICK_DATABASE_URL", "TALLYSTICK_REDIS_URL", "is no whole number"):
            assert text in result.output
        assert "Did you mean TALLYSTICK_PORT?" in result.output
        assert "4 problems" in result.output
        assert CANARY not in result.output

    def test_shows_values_and_sources_when_all_is_well(self, place: Path) -> None:
        (place / ".env").write_text("TALLYSTICK_PORT=9001\n", encoding="utf-8")
        result = run("check", environ=SOUND)
        assert result.exit_code == 0
        assert "TALLYSTICK_PORT=9001 (.env)" in result.output.splitlines()
        assert "All is well" in result.output
        assert CANARY not in result.output

    def test_breaks_no_name_where_lines_are_short(self) -> None:
        result = run("check", environ={"COLUMNS": "80", "TALLYSTICK_PORT": "x"})
        [line] = [one for one in result.output.splitlines() if "TALLYSTICK_DATABASE_URL is" in one]
        assert line.startswith("  - TALLYSTICK_DATABASE_URL is not set. ")
        result = run("check", environ={"COLUMNS": "80", **SOUND})
        for name in Settings.model_fields:
            assert f"\nTALLYSTICK_{name.upper()}=" in f"\n{result.output}"

    @pytest.mark.parametrize("environ", [{}, SOUND])
    def test_breaks_no_name_on_a_terminal_either(self, environ: dict[str, str]) -> None:
        forced = {"COLUMNS": "80", "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", **environ}
        result = run("check", environ=forced)
        assert "┃" in result.output
        assert all(name in result.output for name in SOUND)

    def test_speaks_json_for_programs(self) -> None:
        bad = json.loads(run("check", "--json").output)
        assert bad["ok"] is False
        assert {one["variable"] for one in bad["problems"]} == set(SOUND)
        result = run("check", "--json", environ=SOUND)
        good = json.loads(result.output)
        assert good["ok"] is True
        assert good["problems"] == []
        masked = {one["variable"]: one["value"] for one in good["settings"]}
        assert masked["TALLYSTICK_DATABASE_URL"] == "••••••"
        assert masked["TALLYSTICK_STRIPE_SECRET_KEY"] == ""
        assert masked["TALLYSTICK_DEV_ENDPOINTS"] == "true"
        assert CANARY not in result.output

    def test_shows_what_is_waived(self) -> None:
        names = "default_key,database_tls,redis_tls,plain_http,missing_smtp"
        production = {**SOUND, "TALLYSTICK_ENV": "production", "TALLYSTICK_ACCEPT": names}
        result = run("check", environ=production)
        assert result.exit_code == 0
        assert "Waived checks: default_key, database_tls, redis_tls" in result.output
        assert "may be used in production" in result.output


class TestDocs:
    def test_prints_the_page(self) -> None:
        result = run("docs")
        assert result.exit_code == 0
        assert "### `TALLYSTICK_DATABASE_URL`" in result.output

    def test_writes_then_finds_both_files_up_to_date(self, tmp_path: Path) -> None:
        assert run("docs", "--write", "--folder", str(tmp_path)).exit_code == 0
        assert run("docs", "--check", "--folder", str(tmp_path)).exit_code == 0

    def test_names_a_file_that_is_not_up_to_date(self, tmp_path: Path) -> None:
        run("docs", "--write", "--folder", str(tmp_path))
        (tmp_path / ".env.example").write_text("changed", encoding="utf-8")
        result = run("docs", "--check", "--folder", str(tmp_path))
        assert result.exit_code == 1
        assert ".env.example is not up to date. Run: tallystick env docs --write" in result.output
        assert "ENVIRONMENT.md" not in result.output
