"""bin/start's first steps for real: an environment is made, mended, shared, or honestly refused.

The checkout is a small one with one package from a folder; the full profile makes the real one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Where the Python that tests run in was made from: one that no virtual environment hides.
BASE = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"

_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tallystick"
version = "1"
"""
#: Builds an editable wheel as hatchling does, with nothing installed.
_BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tallystick-1-py3-none-any.whl"
    info = "tallystick-1.dist-info"
    about = "Metadata-Version: 2.1\\nName: tallystick\\nVersion: 1\\n"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("tallystick.pth", CHECKOUT + "/src")
        wheel.writestr(f"{info}/METADATA", about)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        wheel.writestr(f"{info}/RECORD", "")
    with open(CHECKOUT + "/builds", "a") as builds:
        builds.write("built\\n")
    return name
"""
_CLI = "import json, sys; import pebble; print(json.dumps(sys.argv[1:]))\n"


class Checkout:
    """A small checkout with our real bin/, and the ways a test asks for its command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = folder / ".venv"
        #: What the very first start said on the screen.
        self.first_said = ""
        shutil.copytree(ROOT / "bin", folder / "bin", ignore=shutil.ignore_patterns("__pycache__"))
        cli = folder / "src" / "tallystick" / "cli"
        static = folder / "src" / "tallystick" / "web" / "static"
        for made in (cli, static, folder / "requirements", folder / "wheels", folder / "path"):
            made.mkdir(parents=True)
        (cli / "__init__.py").write_text("")
        (cli / "__main__.py").write_text(_CLI)
        (static / "page.css").write_text("body {}")
        (folder / "pyproject.toml").write_text(_PROJECT)
        (folder / "backend.py").write_text(f"CHECKOUT = {str(folder)!r}\n{_BACKEND}")
        self.require("runtime", _wheel(folder / "wheels"))
        self.python(f'exec "{BASE}" "$@"')
        for tool in ("dirname", "env", "sh"):
            (folder / "path" / tool).symlink_to(str(shutil.which(tool)))

    def python(self, script: str) -> None:
        """Say what stands on the PATH as python3."""
        path = self.folder / "path" / "python3"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def require(self, profile: str, sha256: str) -> None:
        """Pin the one package by its hash."""
        line = f"pebble==1.0 --hash=sha256:{sha256}\n"
        (self.folder / "requirements" / f"{profile}.txt").write_text(line)

    def without(self, *modules: str) -> None:
        """Take modules of the standard library, or pip, away from the Python on the PATH."""
        site = self.folder / "site"
        site.mkdir(exist_ok=True)
        blocked = f"import sys; sys.modules.update(dict.fromkeys({modules!r}))\n"
        hidden = (
            "import importlib.metadata as m; real = m.version\n"
            "def version(name):\n"
            "    if name in sys.modules and sys.modules[name] is None:\n"
            "        raise m.PackageNotFoundError(name)\n"
            "    return real(name)\n"
            "m.version = version\n"
        )
        (site / "sitecustomize.py").write_text(blocked + hidden)
        self.python(f'PYTHONPATH="{site}" exec "{BASE}" "$@"')

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a shell would hand over, with nothing of this one but its HOME."""
        return {
            "PATH": str(self.folder / "path"),
            "HOME": os.environ.get("HOME", "/"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": (self.folder / "wheels").as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
            **more,
        }

    def start(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run bin/start from another folder."""
        return subprocess.run(
            [self.folder / "bin" / "start", *words],
            cwd="/",
            env=self.environment(**more),
            capture_output=True,
            text=True,
            check=False,
        )

    def builds(self) -> int:
        """Return how often our own package was installed."""
        path = self.folder / "builds"
        return len(path.read_text().splitlines()) if path.exists() else 0


def _wheel(folder: Path) -> str:
    info = "pebble-1.0.dist-info"
    path = folder / "pebble-1.0-py3-none-any.whl"
    code = b"VERSION = 1\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(code).digest()).rstrip(b"=").decode()
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("pebble.py", code)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: pebble\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        wheel.writestr(f"{info}/RECORD", f"pebble.py,sha256={digest},{len(code)}\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Give a small checkout in which nothing has been made yet."""
    return Checkout(tmp_path / "check out")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Give one whose environment is made, with pip alone; tests that share it leave it whole."""
    made = Checkout(tmp_path_factory.mktemp("made") / "check out")
    made.without("ensurepip")
    done = made.start("--port", "9000", "two words")
    assert done.returncode == 0, done.stderr
    made.first_said = done.stdout
    return made


def _refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the sentence of a refusal, which is no traceback."""
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


class TestFirstUse:
    def test_makes_the_environment_and_runs_the_command_in_it(self, made: Checkout) -> None:
        assert made.first_said.startswith("Making the Python environment in .venv")
        words = json.loads(made.first_said.splitlines()[-1])
        assert words == ["start", "--port", "9000", "two words"]

    @pytest.mark.full
    def test_needs_no_pip_where_there_is_ensurepip(self, checkout: Checkout) -> None:
        checkout.without("pip")
        assert checkout.start().returncode == 0


class TestSecondUse:
    def test_takes_no_time_and_says_nothing(self, made: Checkout) -> None:
        builds = made.builds()
        started = time.monotonic()
        done = made.start("again")
        assert time.monotonic() - started < 2
        assert done.stdout == '["start", "again"]\n'
        assert made.builds() == builds

    def test_installs_our_package_again_when_its_files_have_changed(self, made: Checkout) -> None:
        builds = made.builds()
        (made.folder / "src" / "tallystick" / "web" / "static" / "new.css").write_text("p {}")
        assert made.start().returncode == 0
        assert made.builds() == builds + 1

    @pytest.mark.full
    def test_adds_what_tests_need_and_keeps_it_at_the_next_start(self, made: Checkout) -> None:
        made.require("development", _wheel(made.folder / "wheels"))
        (made.folder / "bin" / "checks.py").write_text("import pebble; print('checked')")
        environment = made.environment()
        command = [made.folder / "bin" / "test"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.endswith("checked\n")
        assert made.start().stdout == '["start"]\n'

    @pytest.mark.full
    def test_makes_a_half_made_environment_anew(self, made: Checkout) -> None:
        (made.venv / "half-made").write_text("")
        shutil.rmtree(next(made.venv.glob("lib/python*/site-packages/pebble-1.0.dist-info")))
        done = made.start()
        assert "left half made" in done.stdout
        assert json.loads(done.stdout.splitlines()[-1]) == ["start"]
        assert not (made.venv / "half-made").exists()

    @pytest.mark.full
    def test_makes_an_environment_anew_whose_python_has_gone(self, made: Checkout) -> None:
        (made.venv / "bin" / "python").unlink()
        (made.venv / "bin" / "python").symlink_to("/nowhere/python3")
        assert json.loads(made.start().stdout.splitlines()[-1]) == ["start"]

    @pytest.mark.full
    def test_goes_on_where_a_stamp_is_torn(self, made: Checkout) -> None:
        (made.venv / "tallystick.json").write_text("{")
        assert json.loads(made.start().stdout.splitlines()[-1]) == ["start"]


@pytest.mark.full
class TestTwoAtOnce:
    def test_make_one_environment_and_both_run(self, checkout: Checkout) -> None:
        both = [
            subprocess.Popen(
                [checkout.folder / "bin" / "start", str(number)],
                env=checkout.environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for number in range(2)
        ]
        said = [one.communicate()[0] for one in both]
        assert [one.returncode for one in both] == [0, 0], said
        assert checkout.builds() == 1
        assert min(said).startswith("Another command is making the environment")


@pytest.mark.full
class TestInterruption:
    def test_of_a_first_use_leaves_an_environment_that_is_made_anew(
        self, checkout: Checkout
    ) -> None:
        first = subprocess.Popen(
            [checkout.folder / "bin" / "start"],
            env=checkout.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not (checkout.venv / "pyvenv.cfg").exists():
            time.sleep(0.005)
        first.kill()
        first.wait()
        done = checkout.start()
        assert "left half made" in done.stdout
        assert json.loads(done.stdout.splitlines()[-1]) == ["start"]


class TestRefusal:
    def test_of_an_old_python_says_which_is_needed(self, checkout: Checkout) -> None:
        checkout.python('[ "$1" = -V ] && echo Python 3.9.2; exit 1')
        said = _refusal(checkout.start())
        assert "needs Python 3.11 or newer" in said
        assert "found: Python 3.9.2" in said

    def test_of_an_old_python_that_runs_the_script_itself(self, checkout: Checkout) -> None:
        script = checkout.folder / "bin" / "environment.py"
        code = (
            "import sys, runpy; sys.version_info = (3, 8, 1); sys.argv = ['x', 'start'];"
            f"runpy.run_path({str(script)!r}, run_name='__main__')"
        )
        done = subprocess.run([BASE, "-c", code], capture_output=True, text=True, check=False)
        assert "needs Python 3.11 or newer, not 3.8" in _refusal(done)

    def test_without_a_venv_module_says_what_to_install(self, checkout: Checkout) -> None:
        checkout.without("venv")
        said = _refusal(checkout.start())
        assert "has no venv module" in said
        assert "apt install python3-venv" in said

    def test_without_pip_and_ensurepip_says_what_to_install(self, checkout: Checkout) -> None:
        checkout.without("pip", "ensurepip")
        said = _refusal(checkout.start())
        assert "neither pip nor ensurepip" in said
        assert "python3-pip" in said

    @pytest.mark.full
    def test_without_a_network_says_so_and_mends_itself_later(self, checkout: Checkout) -> None:
        said = _refusal(
            checkout.start(
                PIP_NO_INDEX="0", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_FIND_LINKS=""
            )
        )
        assert "the network or the package index does not answer" in said
        assert checkout.start().returncode == 0

    def test_on_a_full_disk_says_how_much_is_needed(self, checkout: Checkout) -> None:
        logs = checkout.folder / ".tallystick" / "logs"
        logs.mkdir(parents=True)
        (logs / "environment.log").symlink_to("/dev/full")
        said = _refusal(checkout.start())
        assert "The disk is full" in said
        assert str(checkout.folder) in said

    def test_on_a_disk_that_fills_while_pip_writes_says_the_same(self, checkout: Checkout) -> None:
        # The last step of every installation is our own package's build.
        full = "def build_editable(*_, **__):\n    open('/dev/full', 'w').write('x' * 10000)\n"
        (checkout.folder / "backend.py").write_text(full)
        assert "The disk is full" in _refusal(checkout.start())

    def test_of_a_package_that_was_changed_says_so(self, checkout: Checkout) -> None:
        checkout.require("runtime", "0" * 64)
        assert "its hash differs" in _refusal(checkout.start())

    @pytest.mark.full
    def test_of_anything_else_ends_with_what_was_said(self, checkout: Checkout) -> None:
        (checkout.folder / "backend.py").write_text("raise SystemExit('broken')")
        said = _refusal(checkout.start())
        assert "could not be made" in said
        assert "environment.log" in said


class TestProfiles:
    @pytest.mark.parametrize("profile", ["fuzz", "mutants", "timing"])
    def test_that_are_empty_say_so(self, profile: str) -> None:
        command = [sys.executable, str(ROOT / "bin" / "checks.py"), f"--{profile}"]
        said = subprocess.check_output(command, text=True)
        assert f"Nothing belongs to the profile {profile} yet" in said

    def test_pass_arguments_on_to_pytest(self) -> None:
        command = [sys.executable, str(ROOT / "bin" / "checks.py"), "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert (done.stdout + done.stderr).startswith("pytest ")


class TestBenchmarks:
    def test_refuse_a_name_that_there_is_not(self) -> None:
        command = [sys.executable, "-m", "benchmarks", "nothing"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert "No benchmark nothing; there are: ledger, payments, start, webhooks" in _refusal(
            done
        )


@pytest.mark.full
class TestRealCheckout:
    @pytest.mark.timeout(600)
    def test_becomes_ready_with_nothing_but_python_and_pip(self, tmp_path: Path) -> None:
        shutil.copytree(
            ROOT,
            tmp_path / "checkout",
            ignore=shutil.ignore_patterns(".git", ".venv", ".tallystick", "*_cache", "__pycache__"),
        )
        started = time.monotonic()
        done = subprocess.run(
            [tmp_path / "checkout" / "bin" / "start", "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "--port" in done.stdout
        assert time.monotonic() - started < 180
