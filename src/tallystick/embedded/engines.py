"""Both engines together: what `tallystick start` starts, and PostgreSQL alone for tests."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tallystick.embedded import data, occupants, place, postgresql, roles, valkey
from tallystick.embedded.errors import EngineFailed
from tallystick.embedded.notebook import Notebook
from tallystick.embedded.postgresql import Addresses

__all__ = ["Engines", "Running", "ensure_free", "postgres", "remove"]

_LOGS: Final = "logs"
#: Who is not its owner may go through the folder, and see nothing in it.
_PASSABLE: Final = 0o711


def _silent(_: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Running:
    """Both engines, running until `stop`, or until the `with` block or the process ends."""

    owner_url: str
    application_url: str
    redis_url: str
    #: It may be stopped for a while: `dead` does not mind.
    cache: valkey.Cache
    _postgresql: subprocess.Popen[bytes]
    _stack: ExitStack

    def dead(self) -> str | None:
        """Return the name of an engine that has ended by itself, or None while none has."""
        if self._postgresql.poll() is not None:
            return "PostgreSQL"
        return "Valkey" if self.cache.is_dead else None

    def stop(self) -> None:
        """Stop both and give the folder free; a second call does nothing."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Return the running engines."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them."""
        self.stop()


class Engines:
    """The embedded engines of a folder."""

    @staticmethod
    def start(folder: Path, *, report: Callable[[str], None] = _silent) -> Running:
        """Start PostgreSQL and Valkey on the folder's data and return their addresses.

        `report` gets a line for what a person should know. Call it from the main thread: the
        engines end when the thread that started them does. Raises EmbeddedError's children.
        """
        with ExitStack() as stack:
            chosen, notebook, server = stack.enter_context(
                _postgres(folder, durable=True, report=report)
            )
            log = folder / _LOGS / "valkey.log"
            password = notebook.valkey_password
            cache = valkey.Cache(chosen, password, notebook.valkey_port, log=log)
            stack.callback(cache.stop)
            notebook.with_ports(valkey=cache.port).save(folder)
            found = server.addresses(notebook)
            urls = (found.owner_url, found.application_url, cache.url)
            return Running(*urls, cache, server.child, stack.pop_all())


@contextmanager
def postgres(
    folder: Path,
    *,
    durable: bool,
    settings: Mapping[str, str] = postgresql.NO_SETTINGS,
    report: Callable[[str], None] = _silent,
) -> Iterator[Addresses]:
    """Run PostgreSQL alone on the folder's data, and give its addresses.

    With `durable` false (for tests, never for the product) nothing waits for the disk, and the
    data are made anew at the start and deleted at the end. `settings` of PostgreSQL stand in place
    of ours: a measurement wants more memory than a laptop gives. Raises EmbeddedError's children.
    """
    with _postgres(folder, durable=durable, settings=settings, report=report) as (
        _,
        notebook,
        server,
    ):
        yield server.addresses(notebook)


def ensure_free(folder: Path) -> None:
    """Make the folder; raise AlreadyRunning where another process uses it.

    Raises EngineFailed where it cannot be made or used.
    """
    with occupants.guarded(_open_folder(folder).parent):
        pass


def remove(folder: Path) -> None:
    """Delete the folder's database, wherever it lives; raise AlreadyRunning while it is in use."""
    if folder.is_dir():
        with occupants.guarded(folder):
            place.remove(folder)


@contextmanager
def _postgres(
    folder: Path,
    *,
    durable: bool,
    report: Callable[[str], None],
    settings: Mapping[str, str] = postgresql.NO_SETTINGS,
) -> Iterator[tuple[place.Place, Notebook, postgresql.Server]]:
    folder = folder.resolve()
    logs = _open_folder(folder)
    with ExitStack() as stack:
        stack.enter_context(occupants.guarded(folder))
        if not durable:
            stack.callback(place.remove, folder)
        chosen = place.choose(folder, report=report)
        notebook, is_known = Notebook.open(folder)
        notebook.save(folder)
        occupants.clear(chosen.data)
        if not durable:
            data.forget(chosen)
        if not data.make(chosen, notebook, durable=durable, report=report) and not is_known:
            data.renew_superuser(chosen, notebook)
        log = logs / "postgresql.log"
        server = postgresql.start(
            chosen, notebook.postgresql_port, durable=durable, log=log, settings=settings
        )
        stack.callback(server.stop)
        roles.ensure(notebook, server.port)
        notebook = notebook.with_ports(postgresql=server.port)
        notebook.save(folder)
        yield chosen, notebook, server


def _open_folder(folder: Path) -> Path:
    """Make the folder, let the engines' user pass through it, and return that of its logs."""
    logs = folder / _LOGS
    try:
        logs.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode | _PASSABLE != mode:
            folder.chmod(mode | _PASSABLE)
        occupants.touch(folder)
    except PermissionError:
        raise EngineFailed(
            f"{folder} belongs to another user. Start Tallystick as that user, or take the folder"
            " away if nothing in it is needed."
        ) from None
    except OSError as error:
        raise EngineFailed(
            f"{folder} cannot be used as the data folder: {error.strerror}. Set"
            " TALLYSTICK_DATA_FOLDER to a folder that this user can make or write in."
        ) from None
    return logs
