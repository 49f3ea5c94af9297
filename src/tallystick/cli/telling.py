"""Telling metrics, for the commands that are parents of processes: a port, or a sentence."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import Final

import structlog
import typer

from tallystick.observability.exposition import Folder, count_for_nobody, exposed
from tallystick.settings.model import PREFIX

__all__ = ["refuse_busy", "tell_metrics"]

log: Final = structlog.get_logger(__name__)


def tell_metrics(host: str, port: int | None, *, variable: str, stack: ExitStack) -> Folder | None:
    """Tell the metrics until the stack ends, and return where to count; None where nobody asks.

    `variable` is the setting that gives the port. Exits 1 with a sentence where it cannot be had.
    """
    if port is None:
        count_for_nobody()
        return None
    refuse_busy(host, port, setting=f"{PREFIX}METRICS_HOST", remedy=f"{PREFIX}{variable}")
    try:
        folder = stack.enter_context(exposed(host, port))
    except OSError as error:
        typer.echo(
            f"Metrics cannot be told: {error.strerror}. They need a free port, and a folder of"
            f" some 500 KiB where temporary files are kept (TMPDIR). To start without them,"
            f" leave {PREFIX}{variable} out.",
            err=True,
        )
        raise typer.Exit(1) from None
    log.info("metrics_told", host=host, port=port)
    return folder


def refuse_busy(host: str, port: int, *, setting: str, remedy: str) -> None:
    """Exit 1 with a sentence where the address cannot be listened on.

    `setting` gives the host, and `remedy` is what gives another port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Granian's own socket shares its port with whoever asks; this one does not.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            typer.echo(_sentence(error, host, port, setting=setting, remedy=remedy), err=True)
            raise typer.Exit(1) from None


def _sentence(error: OSError, host: str, port: int, *, setting: str, remedy: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            what = f"Port {port} on {host} is in use by another program."
        case errno.EACCES:
            what = f"This user may not listen on port {port}: take one above 1023."
        case _:
            return f"{host} is no address of this machine: check {setting}."
    return f"{what} Stop that program, or give another with {remedy}."
