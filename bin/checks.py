"""What `bin/test` does: format, lint, import contracts, SQL, types, then the tests.

With arguments only pytest runs, with these. Every check is run, whichever fails before it;
pytest's closing line stands last. Run by bin/test, in the environment that it makes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
TOOLS: Final = Path(sys.executable).parent
COVERAGE: Final = Path(".tallystick", "coverage")
PYTHON: Final = ("src", "tests", "bin", "benchmarks")
CHECKS: Final = {
    "format": ("ruff", "format", "--check", "--quiet", *PYTHON),
    "lint": ("ruff", "check", "--quiet", *PYTHON),
    "imports": ("lint-imports",),
    "sql": ("sqlfluff", "lint", "src"),
    "types": ("mypy",),
    "types of scripts": ("mypy", "bin", "benchmarks"),
}
#: Tests wait more than they work; those of one file stay in one process, as its houses do.
TOGETHER: Final = ("--numprocesses", "3", "--dist", "loadfile")
#: The type checker loads Django's settings, which need addresses; nothing listens at these.
ADDRESSES: Final = {
    "TALLYSTICK_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
    "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
}
#: Profiles that are asked for by name; what they hold is told where it is empty.
EMPTY_PROFILES: Final = ("--fuzz", "--mutants", "--timing")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main(words: Sequence[str]) -> int:
    """Run what the words ask for and return the exit status."""
    os.chdir(ROOT)
    empty = [word for word in words if word in EMPTY_PROFILES]
    if empty:
        print(f"Nothing belongs to the profile {empty[0].lstrip('-')} yet, so nothing was run.")
        return 0
    profile = "full" if "--full" in words else "quick"
    chosen = [word for word in words if word != "--full"]
    if chosen:
        return pytest("--profile", profile, *chosen)
    failed = [name for name, command in CHECKS.items() if not check(name, command)]
    if not find_browser():
        return 1
    COVERAGE.mkdir(parents=True, exist_ok=True)
    report = ("--cov", "--cov-report=term", f"--cov-report=xml:{COVERAGE / 'coverage.xml'}")
    status = pytest("--profile", profile, *report, *TOGETHER)
    if failed:
        print(f"Not well before the tests: {', '.join(failed)} (shown above).", flush=True)
    return status or int(bool(failed))


def check(name: str, command: Sequence[str]) -> bool:
    """Run one check, show what it says only where it fails, and return whether all is well."""
    began = time.monotonic()
    ours = {word: text for word, text in os.environ.items() if "TALLYSTICK" not in word.upper()}
    done = subprocess.run(
        [TOOLS / command[0], *command[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**ours, **ADDRESSES},
        text=True,
        check=False,
    )
    verdict = "well" if done.returncode == 0 else "NOT WELL"
    print(f"{name:<16} {verdict:<8} {time.monotonic() - began:6.1f} s", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0


def pytest(*words: str) -> int:
    """Run pytest and return its status."""
    command = [sys.executable, "-m", "pytest", *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


def find_browser() -> bool:
    """Return whether browser tests have a Chromium; as root, install one where there is none."""
    if any(shutil.which(name) for name in BROWSERS):
        return True
    apt = shutil.which("apt-get")
    if os.geteuid() == 0 and apt:
        print("Installing Chromium for the browser tests.", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
            subprocess.run(
                [apt, "--quiet", *step], env=environment, stdin=subprocess.DEVNULL, check=False
            )
        if shutil.which("chromium"):
            return True
    print(
        "The browser tests need Chromium, and there is none: install it (on Debian as root:"
        " apt install chromium), then run this again.",
        file=sys.stderr,
    )
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
