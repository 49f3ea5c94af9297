"""`tallystick start`: the whole house on one machine, for development.

It brings up the embedded engines, the schema, the simulator, the server, the workers and the
demo people, and stops it all again. It is not made for production: there each process has its own
supervisor.
"""

from __future__ import annotations

import http.client
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer
from rich.console import Console

from tallystick import embedded
from tallystick.caretaker import Door
from tallystick.cli import demo as demos
from tallystick.cli.caretaking import Caretaking
from tallystick.cli.household import ChildFailed, Household
from tallystick.cli.screen import print_screen
from tallystick.cli.startup import HOUSE_FILE
from tallystick.cli.surroundings import Keys, Surroundings, forget_keys, is_given
from tallystick.db import DatabaseUnavailable
from tallystick.embedded import EmbeddedError, Running, is_free
from tallystick.settings import Settings, SettingsError, read_settings

__all__ = ["register"]

_LOOPBACK: Final = "127.0.0.1"
_READY_WITHIN_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.2
#: Stand where the engines' addresses will be, while the other settings are judged.
_NOT_YET: Final = {
    "database_url": "postgresql://tallystick@127.0.0.1:1/tallystick",
    "redis_url": "redis://127.0.0.1:1/0",
}
_OWNER_URL: Final = "TALLYSTICK_OWNER_DATABASE_URL"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_Port = Annotated[
    int | None, typer.Option(min=1, max=65_535, help="The server's port, 8123 unless set.")
]
_Empty = Annotated[bool, typer.Option("--empty", help="Start without demo people and money.")]
_Reset = Annotated[bool, typer.Option("--reset", help="Delete this checkout's data first.")]
_Yes = Annotated[bool, typer.Option("--yes", help="With --reset: do not ask.")]


class _Refused(Exception):
    """The house does not start; the text is the sentence for the person."""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("start")(_start)


def _start(
    *, port: _Port = None, empty: _Empty = False, reset: _Reset = False, yes: _Yes = False
) -> None:
    """Start everything on this machine for development; Ctrl-C stops it.

    PostgreSQL and Valkey come along, and so does a simulator in place of the payment
    providers. On a fresh database demo people move in. Data and logs are kept in .tallystick.
    """
    console = Console(highlight=False, soft_wrap=True, markup=False)
    with _signals_as_interrupt():
        try:
            _run(console, port=port, is_empty=empty, is_reset=reset, is_sure=yes)
        except (
            *(_Refused, ChildFailed, EmbeddedError),
            *(DatabaseUnavailable, SettingsError),
        ) as refusal:
            typer.echo(str(refusal), err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def _run(
    console: Console, *, port: int | None, is_empty: bool, is_reset: bool, is_sure: bool
) -> None:
    began = time.monotonic()
    surroundings, settings = _surroundings(port)
    folder = settings.data_folder.resolve()
    embedded.ensure_free(folder)
    if is_reset:
        _reset(settings, is_sure=is_sure)
    _check_ports(surroundings, settings)
    with ExitStack() as stack:
        engines, owner = _start_engines(surroundings, folder, console, stack)
        door = stack.enter_context(Door())
        surroundings.insist(caretaker=door.path)
        _give_keys(surroundings, settings, folder)
        household = Household(folder / "logs", report=console.print)
        stack.callback(household.stop)
        with _step(console, "Database schema"):
            household.run("migrate", surroundings.environment(**owner))
        # They start while the demo people move in, so that nobody waits for both.
        started = time.monotonic()
        for name in _children(surroundings):
            household.start(name, surroundings.environment())
        if not is_empty:
            _seed(surroundings, household, console)
        with _step(console, "Server and workers", began=started):
            household.wait_until(lambda: _is_ready(settings), within_s=_READY_WITHIN_S)
        shell = folder / HOUSE_FILE
        surroundings.write_for_shell(shell, owner)
        stack.callback(shell.unlink, missing_ok=True)
        demo = demos.find(_database_url(surroundings), folder)
        took_s = time.monotonic() - began
        print_screen(console, surroundings, _judged(surroundings), shell, demo=demo, took_s=took_s)
        caretaking = Caretaking(household, engines, owner.get(_OWNER_URL))
        _watch(household, engines, door, caretaking)
        console.print("Stopping …")
        began = time.monotonic()
    console.print(f"Stopped ({time.monotonic() - began:.1f} s). Nothing is left running.")


def _surroundings(port: int | None) -> tuple[Surroundings, Settings]:
    """Return what children get besides the person's settings, and the settings of both together.

    The engines' addresses and the keys are not known yet. Raises SettingsError with all that
    is wrong at once.
    """
    found = Surroundings(read_settings())
    if port is not None:
        found.insist(port=port)
    found.add(**_NOT_YET)
    if not (is_given(found.reading, "database_url") and is_given(found.reading, "redis_url")):
        found.insist(embedded_engines="true")
    first = _judged(found)
    found.add(
        public_url=f"http://{_host(first)}:{first.port}",
        simulator_data=first.data_folder.resolve() / "simulator",
    )
    if not found.has_own_stripe:
        found.add(
            simulator_port=_simulator_port(first),
            simulator_webhook_url=f"http://{_host(first)}:{first.port}/api/webhooks/stripe",
        )
    found.add(metrics_port=_metrics_port(_judged(found)))
    return found, _judged(found)


def _judged(surroundings: Surroundings) -> Settings:
    reading = read_settings(surroundings.environment())
    if reading.settings is None:
        raise SettingsError(reading.problems)
    return reading.settings


def _host(settings: Settings) -> str:
    """Return the address at which this machine reaches the server."""
    return _LOOPBACK if settings.bind_host in {"0.0.0.0", "::"} else settings.bind_host  # noqa: S104 - compared, not bound


def _simulator_port(settings: Settings) -> int:
    """Return the port after the server's, or the next one that is free."""
    near = range(settings.port + 1, min(settings.port + 100, 65_536))
    return next((port for port in near if is_free(port)), settings.simulator_port)


def _metrics_port(settings: Settings) -> int:
    """Return a free port above the server's and beside the simulator's, or below them."""
    above = range(settings.port + 1, min(settings.port + 100, 65_536))
    below = range(settings.port - 1, 1023, -1)
    free = (port for port in (*above, *below) if is_free(port, settings.metrics_host))
    return next((port for port in free if port != settings.simulator_port), 9123)


def _another_port(settings: Settings) -> int:
    """Return a free port some way off, below where there is no room above."""
    above = range(settings.port + 1000, 65_535)
    below = range(settings.port - 1000, 1023, -1)
    free = (port for port in (*above, *below) if is_free(port, settings.bind_host))
    return next(free, 8123)


def _check_ports(surroundings: Surroundings, settings: Settings) -> None:
    if not is_free(settings.port, settings.bind_host):
        raise _Refused(
            f"Port {settings.port} is busy: another program uses it. Stop that one, or choose"
            f" another port: bin/start --port {_another_port(settings)}"
        )
    simulator = (settings.simulator_port, settings.simulator_host)
    if not surroundings.has_own_stripe and not is_free(*simulator):
        raise _Refused(
            f"Port {settings.simulator_port}, the simulator's, is busy: another program uses it."
            " Stop that one, or set TALLYSTICK_SIMULATOR_PORT to another."
        )
    if not is_free(settings.metrics_port or 0, settings.metrics_host):
        raise _Refused(
            f"Port {settings.metrics_port} on {settings.metrics_host}, the metrics', is busy or not"
            " this machine's. Stop the other program, or set TALLYSTICK_METRICS_PORT to another."
        )


def _reset(settings: Settings, *, is_sure: bool) -> None:
    """Delete the data of this checkout, once the person is sure."""
    folder = settings.data_folder.resolve()
    question = f"Delete the database and the simulator's journal of {folder}?"
    if not is_sure and not sys.stdin.isatty():
        raise _Refused(f"{question} Nobody can be asked here: say it with --reset --yes.")
    if not is_sure and not typer.confirm(question):
        raise _Refused("Nothing was deleted, nothing started.")
    embedded.remove(folder)
    journal = settings.simulator_data.resolve()
    # A journal that the person keeps elsewhere is not this checkout's.
    if journal.is_relative_to(folder) and journal.is_dir():
        shutil.rmtree(journal)
    forget_keys(folder)


def _start_engines(
    surroundings: Surroundings, folder: Path, console: Console, stack: ExitStack
) -> tuple[Running | None, dict[str, str]]:
    """Start the engines that the person has not set, and return them and the owner's address.

    The owner's address is for migrations alone: servers and workers never get it.
    """
    has_own_database = is_given(surroundings.reading, "database_url")
    if has_own_database and is_given(surroundings.reading, "redis_url"):
        console.print("  Database and cache: your own, as set")
        return None, {}
    with _step(console, "PostgreSQL and Valkey"):
        running = stack.enter_context(embedded.Engines.start(folder, report=console.print))
    surroundings.add(database_url=running.application_url, redis_url=running.redis_url)
    if has_own_database:
        return running, {}
    return running, {_OWNER_URL: running.owner_url}


def _give_keys(surroundings: Surroundings, settings: Settings, folder: Path) -> None:
    keys = Keys.of(folder)
    surroundings.add(secret_key=keys.secret_key)
    if not surroundings.has_own_stripe:
        surroundings.add(
            stripe_secret_key=keys.stripe_secret_key,
            stripe_webhook_secret=keys.stripe_webhook_secret,
            stripe_api_url=f"http://{settings.simulator_host}:{settings.simulator_port}",
        )


def _seed(surroundings: Surroundings, household: Household, console: Console) -> None:
    """Let demo people move in where nobody lives yet."""
    if not _judged(surroundings).is_production and demos.is_wanted(_database_url(surroundings)):
        with _step(console, "Demo people and money"):
            household.run("seed", surroundings.environment())


def _database_url(surroundings: Surroundings) -> str:
    return _judged(surroundings).direct_url.get_secret_value()


def _children(surroundings: Surroundings) -> tuple[str, ...]:
    """Return the commands that run as children, in the order of their start."""
    return ("worker", "serve") if surroundings.has_own_stripe else ("simulator", "worker", "serve")


def _is_ready(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(_host(settings), settings.port, timeout=5)
    try:
        connection.request("GET", "/api/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _watch(
    household: Household, engines: Running | None, door: Door, caretaking: Caretaking
) -> None:
    """Keep the children alive until the person asks for the end; raise ChildFailed.

    What the caretaker is asked meanwhile is done in between, by the thread that started everybody.
    """
    try:
        while True:
            household.look()
            dead = engines.dead() if engines else None
            if dead:
                raise ChildFailed(f"{dead} has ended by itself. Start again; its log says why.")
            door.wait(_LOOK_EVERY_S, caretaking.obey)
    except KeyboardInterrupt:
        return


@contextmanager
def _step(console: Console, what: str, *, began: float | None = None) -> Iterator[None]:
    """Say what is being done while it is done, and how long it took, from `began` if given."""
    began = time.monotonic() if began is None else began
    with console.status(f"{what} …"):
        yield
    console.print(f"  {what:<24} {time.monotonic() - began:4.1f} s")


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Let each way of asking for the end be Ctrl-C, once: the way out is not interrupted."""

    def interrupt(_: int, __: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
