"""PostgreSQL's data folder: made once, whole or not at all, and never deleted when finished."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tallystick.embedded import roles
from tallystick.embedded.errors import DataOfOtherVersion, EngineFailed
from tallystick.embedded.notebook import Notebook
from tallystick.embedded.place import Place, ensure_owned
from tallystick.embedded.programs import POSTGRESQL_VERSION
from tallystick.process import spawn, terminate

__all__ = ["ENVIRONMENT", "forget", "make", "renew_superuser"]

#: Nothing of the person's shell (PGPORT, locales, secrets) reaches PostgreSQL.
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/"}
_MADE_WITHIN_S: Final = 120


def make(place: Place, notebook: Notebook, *, durable: bool, report: Callable[[str], None]) -> bool:
    """Make the data unless finished ones are there, and return whether they were made.

    They are made beside their place and come there by one rename: what an interrupted start
    left is made anew, what is finished is never touched. Raises EngineFailed, and
    DataOfOtherVersion.
    """
    for half in place.half_made():
        report("An earlier start was interrupted while it made the database: making it anew.")
        # What its own dying programs take away at the same time is no error.
        shutil.rmtree(half, ignore_errors=True)
    if place.data.exists():
        _check_version(place.data)
        ensure_owned(place.data, place.user)
        return False
    room = place.make_room()
    with _password_file(place, notebook.superuser_password) as password_file:
        _run(
            place,
            "initdb",
            *("-D", room, "-U", roles.SUPERUSER, "-E", "UTF8", "--no-instructions"),
            *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--data-checksums"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            f"--pwfile={password_file}",
            *([] if durable else ["--no-sync"]),
        )
    room.rename(place.data)
    return True


def forget(place: Place) -> None:
    """Delete the data: those of tests, which an interrupted session may have left torn."""
    if place.data.exists():
        shutil.rmtree(place.data)


def renew_superuser(place: Place, notebook: Notebook) -> None:
    """Give the superuser the notebook's password, without a server: for a lost notebook."""
    renewed = roles.password_statement(roles.SUPERUSER, notebook.superuser_password)
    _run(place, "postgres", "--single", "-D", place.data, "postgres", stdin=f"{renewed}\n")


def _check_version(data: Path) -> None:
    try:
        version = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise EngineFailed(
            f"{data} is there but holds no database. If nothing in it is needed, take it away."
        ) from None
    except PermissionError:
        # Whose they are is told next.
        return
    if version != POSTGRESQL_VERSION:
        raise DataOfOtherVersion(
            f"{data} was made by PostgreSQL {version}, and this is {POSTGRESQL_VERSION}. Move it"
            " away to keep it, or delete it with: bin/start --reset"
        )


@contextmanager
def _password_file(place: Place, password: str) -> Iterator[Path]:
    """Give a file that the engines' user alone can read, for as long as it is needed."""
    path = place.data.with_suffix(".password")
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(password)
            if place.user is not None:
                os.fchown(descriptor, place.user.uid, place.user.gid)
        yield path
    finally:
        path.unlink()


def _run(place: Place, program: str, *words: str | Path, stdin: str = "") -> None:
    """Run one of PostgreSQL's programs to its end; raise EngineFailed with what it said."""
    child = spawn(
        [place.programs.postgres(program), *words],
        output=subprocess.PIPE,
        stdin=subprocess.PIPE,
        environment=ENVIRONMENT,
        folder=Path("/"),
        user=place.user,
        farewell=signal.SIGTERM,  # so that initdb takes away what it has begun
    )
    try:
        said = child.communicate(stdin.encode(), _MADE_WITHIN_S)[0].decode(errors="replace")
    except BaseException:
        terminate(child, deadline_s=5)
        raise
    # The single-user server goes on after an error and ends well.
    if child.returncode or "ERROR:" in said:
        raise EngineFailed(f"PostgreSQL's {program} failed:\n{said[-2000:].strip()}")
