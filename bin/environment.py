"""Make `.venv` where it is not as it must be, then run one of our commands in it.

Needs nothing but Python and pip (or ensurepip). An environment that was half made is made
anew; what goes wrong is said in a sentence, with status 1. An old Python can read this file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "tallystick.json")
#: There from the first file of the environment to its last.
HALF_MADE = os.path.join(VENV, "half-made")
DATA = os.path.join(ROOT, ".tallystick")
LOG = os.path.join(DATA, "logs", "environment.log")
STATIC = os.path.join(ROOT, "src", "tallystick", "web", "static")

#: Which requirements each command needs, and what it runs.
COMMANDS = {
    "start": ("runtime", ["-m", "tallystick.cli", "start"]),
    "test": ("development", [os.path.join("bin", "checks.py")]),
    "bench": ("development", ["-m", "benchmarks"]),
}
#: The first pip that installs into another environment.
PIP_MIN = (22, 3)
#: Seconds between two lines of progress where there is no terminal.
QUIET_S = 15

DEBIAN = "On Debian or Ubuntu: apt install python3-venv python3-pip."
NETWORK = re.compile(
    r"NewConnectionError|ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError"
    r"|Temporary failure in name resolution|Name or service not known|Connection refused"
    r"|Network is unreachable|Connection to \S+ timed out|Max retries exceeded"
    r"|\(from versions: none\)"
)
FULL = re.compile(r"No space left on device|Disk quota exceeded|Errno 28\b|Errno 122\b")


#: What of the person's own pip settings would lead the packages out of the environment.
UNWANTED = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PYTHONPATH", "PYTHONHOME"}
PIP = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}


class Trouble(Exception):
    """What a person must know and do; it ends the command with status 1."""


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


def main(words: list[str]) -> None:
    """Make the environment if need be, then become the command that `words` name."""
    # The stub looks for a new enough Python, but this file may be run without it.
    if sys.version_info < (3, 11):
        sys.exit("Tallystick needs Python 3.11 or newer, not %d.%d." % sys.version_info[:2])
    profile, command = COMMANDS[words[0]]
    try:
        os.chdir(ROOT)
        ensure(profile)
    except Trouble as trouble:
        sys.exit(str(trouble))
    except OSError as error:
        sys.exit(explain(error))
    except KeyboardInterrupt:
        print("\nInterrupted. The next start makes the environment anew.", file=sys.stderr)
        sys.exit(130)
    sys.stdout.flush()
    os.execv(PYTHON, [PYTHON, *command, *words[1:]])  # noqa: S606 - no shell is wanted


def ensure(profile: str) -> None:
    """Bring the environment up to date, unless it is; one process at a time."""
    if is_ready(profile):
        return
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    with open(os.path.join(DATA, "environment.lock"), "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another command is making the environment: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_ready(profile):
            make(profile)


def make(profile: str) -> None:
    """Make or renew the environment for the profile."""
    started = time.monotonic()
    kept = stamp()
    if kept.get("profile") == "development":
        profile = "development"  # who has tested here will test again
    wanted = wishes(profile)
    if os.path.lexists(VENV) and not is_whole():
        say("The environment in .venv was left half made: making it anew.")
        remove(VENV)
        kept = {}
    is_new = not os.path.exists(PYTHON)
    with open(LOG, "w", encoding="utf-8") as log:
        if is_new:
            say("Making the Python environment in .venv: once, one to three minutes.")
            create(log)
        pip = installer()
        write(HALF_MADE, "")
        if kept.get("requirements") != wanted["requirements"]:
            requirements = os.path.join("requirements", profile + ".txt")
            # The file names the whole tree: a dependency that pip looks for by itself could only
            # be a newer one, which has no hash here.
            locked = ["--require-hashes", "--no-deps", "-r", requirements]
            install(pip, locked, log, packages(requirements))
        install(pip, ["--no-deps", "--no-build-isolation", "-e", "."], log, 1)
    write(STAMP, json.dumps(wanted))
    os.unlink(HALF_MADE)
    say("The environment is ready (%.0f s)." % (time.monotonic() - started))


def is_ready(profile: str) -> bool:
    """Return whether the environment holds what the profile asks for."""
    kept = stamp()
    if not kept or not is_whole():
        return False
    if kept.get("profile") == "development":
        profile = "development"
    return kept == wishes(profile)


def is_whole() -> bool:
    """Return whether the environment has a Python, and nobody was interrupted making it."""
    return os.path.exists(PYTHON) and not os.path.exists(HALF_MADE)


def stamp() -> dict[str, str]:
    """Return what the environment was made from; nothing where that is not known."""
    try:
        with open(STAMP, encoding="utf-8") as file:
            kept = json.load(file)
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def wishes(profile: str) -> dict[str, str]:
    """Return what an environment for the profile is made from, as hashes."""
    requirements = digest([os.path.join("requirements", profile + ".txt")])
    package = ["pyproject.toml", os.path.join("bin", "collect_static.py")]
    for folder, folders, names in os.walk(STATIC):
        folders.sort()
        package += [os.path.join(folder, name) for name in sorted(names)]
    return {"profile": profile, "requirements": requirements, "package": digest(package)}


def digest(paths: list[str]) -> str:
    """Return the SHA-256 of the files' names and contents, and of the checkout's place."""
    total = hashlib.sha256(ROOT.encode())
    for path in paths:
        total.update(b"\0%s\0" % os.path.relpath(path, ROOT).encode())
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            total.update(hashlib.sha256(file.read()).digest())
    return total.hexdigest()


def create(log: TextIO) -> None:
    """Make an empty environment: without pip where ours can install into it."""
    if importlib.util.find_spec("venv") is None:
        raise Trouble(
            "This Python (%s) has no venv module, so no environment can be made. %s"
            % (sys.executable, DEBIAN)
        )
    without = ["--without-pip"] if has_pip() else []
    if not without and importlib.util.find_spec("ensurepip") is None:
        raise Trouble(
            "This Python (%s) has neither pip nor ensurepip, so nothing can be installed. %s"
            % (sys.executable, DEBIAN)
        )
    os.makedirs(VENV, exist_ok=True)
    write(HALF_MADE, "")
    run([sys.executable, "-m", "venv", *without, VENV], log, 0)


def installer() -> list[str]:
    """Return the pip that installs into the environment: ours, or its own."""
    if has_pip():
        return [sys.executable, "-m", "pip", "--python", PYTHON]
    return [PYTHON, "-m", "pip"]


def has_pip() -> bool:
    """Return whether this Python has a pip that can install into another environment."""
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        return False
    found = re.match(r"(\d+)\.(\d+)", version)
    is_new = found is not None and (int(found[1]), int(found[2])) >= PIP_MIN
    return is_new and importlib.util.find_spec("pip") is not None


def install(pip: list[str], what: list[str], log: TextIO, count: int) -> None:
    """Have pip install it; raise Trouble where it cannot."""
    run([*pip, "install", "--no-input", "--progress-bar=off", *what], log, count)


def run(command: list[str], log: TextIO, count: int) -> None:
    """Run a step to its end, with its progress on the screen and its words in the log.

    `count` is how many packages it is about. Raises Trouble where it fails.
    """
    environment = {name: os.environ[name] for name in os.environ if name not in UNWANTED}
    environment.update(PIP)
    environment.setdefault("PIP_RETRIES", "2")
    progress = Progress(count)
    words = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        encoding="utf-8",
        errors="replace",
    ) as child:
        try:
            for line in lines(child, progress):
                words.append(line)
                log.write(line)
                progress.see(line)
        except BaseException:
            child.kill()
            raise
    progress.end()
    if child.returncode:
        log.flush()
        raise Trouble(diagnosis("".join(words)))


class Progress:
    """One line that says what is being done and for how long: rewritten on a terminal."""

    def __init__(self, count: int) -> None:
        """Begin at nothing of `count` packages."""
        self.count = count
        self.done = 0
        self.what = "looking at what is there"
        self.started = self.said = time.monotonic()
        self.is_live = sys.stdout.isatty() and count > 0

    def see(self, line: str) -> None:
        """Take note of a line of pip's."""
        found = re.match(r"Collecting ([\w.-]+)", line)
        if found:
            self.done += 1
            self.what = "fetching %s (%d of %d)" % (found[1], self.done, self.count)
        elif line.startswith("Installing collected packages"):
            self.what = "unpacking all"
        elif line.startswith(("Building editable", "Preparing editable")):
            self.what = "making our own package"
        self.tick()

    def tick(self) -> None:
        """Tell the time."""
        now = time.monotonic()
        text = "%4.0f s  %s" % (now - self.started, self.what)
        if self.is_live:
            sys.stdout.write("\r" + text[:78].ljust(78))
            sys.stdout.flush()
        elif self.count and now - self.said > QUIET_S:
            self.said = now
            say(text)

    def end(self) -> None:
        """Clear the line."""
        if self.is_live:
            sys.stdout.write("\r" + " " * 78 + "\r")
            sys.stdout.flush()


def lines(child: subprocess.Popen[str], progress: Progress) -> Iterator[str]:
    """Yield what the child says, line by line; tell the time while it says nothing."""
    assert child.stdout is not None
    while True:
        while not select.select([child.stdout], [], [], 1)[0]:
            progress.tick()
        line = child.stdout.readline()
        if not line:
            return
        yield line


def diagnosis(words: str) -> str:
    """Return in a sentence why pip or venv failed, and what to do."""
    if FULL.search(words):
        return no_space()
    if "DO NOT MATCH THE HASHES" in words:
        return (
            "A package is not the one that was pinned (its hash differs): nothing of it was"
            " installed. Try again; if it stays, look at your index or mirror. Details: " + LOG
        )
    if NETWORK.search(words):
        return (
            "The packages could not be fetched: the network or the package index does not answer."
            " Check the connection (behind a proxy set HTTPS_PROXY, with a mirror"
            " PIP_INDEX_URL) and run this again. Details: " + LOG
        )
    if "No module named venv" in words or "ensurepip is not available" in words:
        return "No environment can be made with this Python (%s). %s" % (sys.executable, DEBIAN)
    last = [line.strip() for line in words.splitlines() if line.strip()][-3:]
    return "The environment could not be made:\n  %s\nAll that was said: %s" % (
        "\n  ".join(last),
        LOG,
    )


def explain(error: OSError) -> str:
    """Return in a sentence why our own writing failed, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space()
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "%s cannot be written by this user: %s." % (error.filename or ROOT, error.strerror)
    return "The environment could not be made: %s." % error


def no_space() -> str:
    """Return what to do about a full disk."""
    return (
        "The disk is full: the environment needs about 600 MB in %s, and pip as much for a while"
        " in %s (another folder: TMPDIR). Make room and run this again."
        % (ROOT, unpacking_folder())
    )


def unpacking_folder() -> str:
    """Return where pip unpacks; a full disk must not hinder the answer."""
    return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - it is only named


def remove(path: str) -> None:
    """Delete the folder, or the link in its place."""
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
    else:
        shutil.rmtree(path)


def write(path: str, text: str) -> None:
    """Write the file anew."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def packages(requirements: str) -> int:
    """Return how many packages the file names."""
    with open(requirements, encoding="utf-8") as file:
        return sum("==" in line for line in file)


def say(line: str) -> None:
    """Tell the person."""
    print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
