"""`tallystick start` for real: one screen, children that come back, an end that leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from starting import House, free_port, listens, started_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Give a house that is up; the tests of this file leave it up, but the last."""
    with started_house("--empty") as house:
        yield house


@pytest.fixture(scope="module")
def demo() -> Iterator[House]:
    """Give a house that is up, with demo people in it; the tests leave it up."""
    with started_house() as house:
        yield house


def _free_from(port: int) -> int:
    """Return the first free port from this one on."""
    while listens(port):
        port += 1
    return port


def _words(pid: int) -> str:
    """Return the command line of a process; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


class TestScreen:
    def test_says_what_one_needs_and_what_took_how_long(self, house: House) -> None:
        for step in ("PostgreSQL and Valkey", "Database schema", "Server and workers"):
            assert step in house.screen
        for text in (
            f"http://127.0.0.1:{house.port}",
            f"http://127.0.0.1:{house.port}/dev/mail",
            f"http://127.0.0.1:{house.port + 1} (in place of Stripe)",
            ".tallystick/logs",
            "Ctrl-C",
        ):
            assert text in house.screen
        assert house.is_ready()

    def test_names_the_address_of_the_metrics(self, house: House) -> None:
        assert house.is_ready()
        with urllib.request.urlopen(house.metrics(), timeout=5) as reply:
            told = reply.read().decode()
        assert 'tallystick_http_requests_total{door="lane",method="GET",status_class="2xx"}' in told

    def test_shows_no_secret(self, house: House) -> None:
        kept = house.folder / ".tallystick"
        for name in ("keys.json", "engines.json"):
            secrets = json.loads((kept / name).read_text()).values()
            assert not [one for one in secrets if isinstance(one, str) and one in house.screen]

    def test_keeps_a_file_by_which_other_commands_reach_the_house(self, house: House) -> None:
        shell = house.folder / ".tallystick" / "running.env"
        assert "TALLYSTICK_OWNER_DATABASE_URL" in shell.read_text()
        assert shell.stat().st_mode & 0o777 == 0o600

    def test_lets_commands_in_another_terminal_reach_the_house(self, house: House) -> None:
        ours = {word: text for word, text in os.environ.items() if "TALLYSTICK" not in word}
        done = subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "selftest"],
            cwd=house.folder,
            env=ours,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "All is well" in done.stdout) == (0, True), done.stdout


class TestDemo:
    def test_moves_in_on_a_fresh_database_in_a_step_of_its_own(self, demo: House) -> None:
        assert "Demo people and money" in demo.screen
        assert demo.row("Operator").startswith("grace@example.com")

    def test_is_signed_in_by_what_the_screen_says(self, demo: House) -> None:
        email, _, phrase = demo.row("Sign in").partition(", password: ")
        with httpx.Client(base_url=demo.row("Address"), follow_redirects=True) as browser:
            page = browser.get("/sign-in")
            token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            answer = browser.post(page.url, data={"login": email, "password": phrase, **token})
        assert answer.url.path == "/"
        assert "Your menu" in answer.text
        assert "My share of the dinner" in answer.text

    def test_has_a_line_for_the_shell_that_works(self, demo: House) -> None:
        [wallet] = demo.paste()["items"]
        assert wallet["currency"] == "KES"
        assert wallet["available"]["amount"] > 0

    def test_is_there_after_another_start_with_the_same_line(self, demo: House) -> None:
        line, before = demo.row("API key"), demo.paste()
        demo.bring_down(signal.SIGTERM)
        demo.bring_up()
        assert "Demo people and money" not in demo.screen
        assert demo.row("API key") == line
        assert demo.paste() == before

    def test_is_not_asked_in_by_an_empty_start(self, house: House) -> None:
        assert "Demo people and money" not in house.screen
        assert house.row("Sign up").startswith(house.row("Address"))


class TestChildren:
    def test_get_no_address_of_the_owner(self, house: House) -> None:
        for name, pid in house.children().items():
            if name in {"serve", "worker", "simulator"}:
                environment = Path(f"/proc/{pid}/environ").read_text()
                assert "TALLYSTICK_DATABASE_URL" in environment
                assert "OWNER_DATABASE_URL" not in environment

    def test_are_started_again_when_they_die(self, house: House) -> None:
        before = house.children()
        for name in ("serve", "worker"):
            os.kill(before[name], signal.SIGKILL)
        deadline = time.monotonic() + 30
        while house.children().keys() != before.keys() or not house.is_ready():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        after = house.children()
        assert after["serve"] != before["serve"]
        assert after["worker"] != before["worker"]
        assert after["simulator"] == before["simulator"]


class TestRefusal:
    def test_of_a_second_start_names_the_first(self, house: House) -> None:
        assert house.process is not None
        second = house.begin("--port", str(free_port()))
        said = second.communicate()[0]
        assert second.returncode == 1
        assert f"as process {house.process.pid}" in said
        assert "Traceback" not in said
        assert house.is_ready()

    def test_of_a_reset_while_it_runs(self, house: House) -> None:
        second = house.begin("--reset", "--yes")
        said = second.communicate()[0]
        assert second.returncode == 1
        assert "already runs" in said

    def test_of_a_busy_port_says_how_to_choose_another(self, house: House, tmp_path: Path) -> None:
        other = House(tmp_path).begin("--port", str(house.port))
        said = other.communicate()[0]
        assert other.returncode == 1
        assert f"Port {house.port} is busy" in said
        assert "--port" in said
        assert not (tmp_path / ".tallystick" / "postgresql").exists()

    def test_of_a_busy_port_for_metrics_names_its_setting(
        self, house: House, tmp_path: Path
    ) -> None:
        busy = {"TALLYSTICK_METRICS_PORT": str(house.port)}
        other = House(tmp_path).begin("--port", str(free_port()), **busy)
        said = other.communicate()[0]
        assert other.returncode == 1
        assert f"Port {house.port} on 127.0.0.1, the metrics', is busy" in said
        assert "TALLYSTICK_METRICS_PORT" in said
        assert not (tmp_path / ".tallystick" / "postgresql").exists()

    def test_of_a_high_busy_port_proposes_one_that_there_is(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", _free_from(64_600))) as taken:
            port = taken.getsockname()[1]
            other = House(tmp_path).begin("--port", str(port))
            said = other.communicate()[0]
        proposed = int(said.rpartition("--port ")[2])
        assert other.returncode == 1
        assert 1024 <= proposed <= 65_534
        assert not listens(proposed)

    @pytest.mark.parametrize("place", ["file", "file/below", "/proc/x"])
    def test_of_a_data_folder_that_cannot_be_made(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "file").write_text("kept")
        other = House(tmp_path).begin(TALLYSTICK_DATA_FOLDER=place)
        said = other.communicate()[0]
        assert other.returncode == 1
        assert "Traceback" not in said
        assert "cannot be used as the data folder" in said
        assert "TALLYSTICK_DATA_FOLDER" in said
        assert (tmp_path / "file").read_text() == "kept"

    def test_of_bad_settings_lists_them_all(self, tmp_path: Path) -> None:
        bad = {"TALLYSTICK_LOG_LEVEL": "LOUD", "TALLYSTICK_BODY_BYTES_MAX": "-1"}
        other = House(tmp_path).begin(**bad)
        said = other.communicate()[0]
        assert other.returncode == 1
        assert all(name in said for name in bad)
        assert "DATABASE_URL" not in said

    def test_of_a_reset_that_nobody_confirms(self, tmp_path: Path) -> None:
        (tmp_path / ".tallystick").mkdir()
        other = House(tmp_path).begin("--reset")
        said = other.communicate()[0]
        assert other.returncode == 1
        assert "--reset --yes" in said


@pytest.mark.full
class TestEnd:
    def test_by_ctrl_c_comes_in_seconds_and_leaves_nothing(self, house: House) -> None:
        ports = house.ports()
        status, said, took_s = house.bring_down(signal.SIGINT)
        assert status == 0, said
        assert "Nothing is left running" in said
        assert took_s < 10
        assert not [port for port in ports if listens(port)]
        assert not (house.folder / ".tallystick" / "running.env").exists()
        house.bring_up()

    def test_by_a_kill_leaves_nothing_either(self, house: House) -> None:
        ports, processes = house.ports(), house.descendants()
        assert len(processes) > 10
        house.bring_down(signal.SIGKILL)
        deadline = time.monotonic() + 2
        while left := [_words(pid) for pid in processes if _words(pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.02)
        assert not [port for port in ports if listens(port)]


@pytest.mark.full
class TestDataFolder:
    def test_named_elsewhere_holds_everything_and_commands_find_it(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="tallystick-start-", dir="/var/tmp"))
        folder.chmod(0o711)
        house = House(folder)
        named = {"TALLYSTICK_DATA_FOLDER": "elsewhere", "TALLYSTICK_DEFAULT_CURRENCY": "BHD"}
        house.bring_up(**named)
        try:
            ours = {word: text for word, text in os.environ.items() if "TALLYSTICK" not in word}
            done = subprocess.run(
                [sys.executable, "-m", "tallystick.cli", "people", "promote", "a@example.org"],
                cwd=folder,
                env={**ours, **named},
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            house.bring_down(signal.SIGTERM)
        assert f"The house: http://127.0.0.1:{house.port}" in done.stderr, done.stderr
        assert "Nobody signs in as a@example.org" in done.stderr
        assert "No payment provider here takes BHD" in house.screen
        assert (folder / "elsewhere" / "simulator").is_dir()
        assert (folder / "elsewhere" / "demo.key").is_file()
        assert not (folder / ".tallystick").exists()
        shutil.rmtree(folder)
