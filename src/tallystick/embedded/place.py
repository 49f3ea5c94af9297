"""Where the engines' data and programs live, and which user the engines run as.

PostgreSQL refuses to run as root, so root starts it as an ordinary user. Where that user
cannot reach the checkout (a folder above it is closed), its data and a copy of the programs
live in the system's lasting temporary folder. No permission of a folder above is changed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.embedded import programs
from tallystick.embedded.errors import DataUnreachable, EngineFailed
from tallystick.embedded.programs import Programs
from tallystick.process import User

__all__ = ["Place", "choose", "elsewhere", "ensure_owned", "own", "reaches"]

#: The system's temporary folder that outlives a restart of the machine.
_LASTING: Final = Path("/var/tmp")  # noqa: S108 - the folder in it is ours, closed, and checked
_DATA: Final = "postgresql"
_MAKING: Final = ".making-"
#: Rights of others on data with which PostgreSQL does not start.
_TOO_OPEN: Final = 0o027


@dataclass(frozen=True, slots=True)
class Place:
    """Where the engines of one folder live."""

    #: PostgreSQL's data. They are finished if they are there: they come here by one rename.
    data: Path
    programs: Programs
    #: None: the engines run as we do.
    user: User | None

    def half_made(self) -> list[Path]:
        """Return the folders of data that interrupted starts left unfinished."""
        return _half_made(self.data)

    def make_room(self) -> Path:
        """Make a new folder, the engines' user's, in which data can be made.

        Its name is new each time: a dying `initdb` of an interrupted start empties its own.
        """
        return own(
            self.data.with_name(f"{self.data.name}{_MAKING}{secrets.token_hex(4)}"), self.user
        )


def choose(folder: Path, *, report: Callable[[str], None], lasting: Path = _LASTING) -> Place:
    """Return the place of the folder's engines, made as far as it was not there.

    It is the folder itself wherever the engines' user can reach it. Raises EngineMissing,
    EngineFailed, and DataUnreachable where finished data stand behind a folder closed since, or
    lost their owner.
    """
    found = programs.find()
    here = folder / _DATA
    away = elsewhere(folder, lasting)
    user = _engine_user(here)
    if reaches(folder, user):
        data = here
    elif here.exists():
        raise DataUnreachable(
            f"The database in {here} can no longer be reached by the user {_name(user)}, whom it"
            " belongs to. Open the folders above it for passing (chmod o+x), or move it back."
        )
    else:
        data = own(away, user) / _DATA
        report(f"{folder} is closed to the user {_name(user)}, so the database lives in {data}.")
    if not all(reaches(path, user) for path in (found.postgresql, found.valkey)):
        found = programs.copy(found, own(away, user), report=report)
    return Place(data, found, user)


def ensure_owned(data: Path, user: User | None) -> None:
    """Raise DataUnreachable where finished data are not their user's, as copies often are."""
    if not data.exists():
        return
    status = data.stat()
    uid = os.geteuid() if user is None else user.uid
    if status.st_uid != uid or status.st_mode & _TOO_OPEN:
        name = pwd.getpwuid(uid).pw_name if user is None else user.name
        raise DataUnreachable(
            f"The database in {data} has to belong to the user '{name}', as whom PostgreSQL runs,"
            " and to nobody else; a copy loses its owner. Give it back, as root:"
            f" chown -R {name}: {data} && chmod -R go-rwx {data}"
        )


def _engine_user(data: Path) -> User | None:
    """Return whom the engines run as: None for ourselves; for root, the data's owner or `nobody`.

    So root can go on with what an ordinary user has begun.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return User(data.owner(), data.stat().st_uid, data.stat().st_gid)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise EngineFailed(
            "PostgreSQL does not run as root, and this machine has no user 'nobody' to run it as."
            " Start Tallystick as an ordinary user."
        ) from None
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def reaches(path: Path, user: User | None) -> bool:
    """Return whether the user may pass through the folder (or run the file) and all above it."""
    if user is None:
        return True
    path = path.resolve()
    return all(_may_pass(step.stat(), user) for step in (path, *path.parents))


def elsewhere(folder: Path, lasting: Path = _LASTING) -> Path:
    """Return the folder's own place in the lasting temporary folder, there or not."""
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return lasting / f"tallystick-{digest}"


def own(path: Path, user: User | None) -> Path:
    """Make a closed folder that belongs to the user, and return it.

    Raises EngineFailed where something of somebody else's already has this name.
    """
    uid = os.geteuid() if user is None else user.uid
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        status = path.lstat()
        is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid in {uid, os.geteuid()}
        if not is_ours or status.st_mode & 0o022:
            raise EngineFailed(
                f"{path} belongs to somebody else, or others may write in it: take it away."
            ) from None
    if user is not None:
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    return path


def remove(folder: Path, lasting: Path = _LASTING) -> None:
    """Delete the folder's data, finished or not, here and elsewhere."""
    data = folder / _DATA
    for path in (data, *_half_made(data), elsewhere(folder, lasting)):
        if path.exists():
            shutil.rmtree(path)


def _half_made(data: Path) -> list[Path]:
    return list(data.parent.glob(f"{data.name}{_MAKING}*"))


def _may_pass(status: os.stat_result, user: User) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _name(user: User | None) -> str:
    return "who runs this" if user is None else f"'{user.name}'"
