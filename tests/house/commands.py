"""docs/reference/commands.md, made of what `--help` says of each command.

Run `python -m tests.house.commands` to write it anew; a house test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
_HEAD: Final = """\
<!-- Generated from --help by `python -m tests.house.commands`. -->

# Commands

Every command is `tallystick` and a noun, some with a verb. `tallystick --help` lists them, and
each one has its own `--help`, which is what stands below. A command ends with 0 when all is
well, with 1 when it found something wrong and said so, and with 2 when it was not understood.
"""


def page(app: typer.Typer) -> str:
    """Return the whole page for a command line."""
    app.rich_markup_mode = None
    parts = [_HEAD]
    for name, words in _helps(typer.main.get_command(app), "tallystick", None):
        parts.append(f"\n## `{name}`\n\n```text\n{words.rstrip()}\n```\n")
    return "".join(parts)


# Typer carries its own click, whose classes are private: hence Any.
def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    """Yield the full name and the help of a command and of all below it."""
    context = command.context_class(
        command,
        info_name=name.rsplit(" ", maxsplit=1)[-1],
        parent=parent,
        terminal_width=92,
        max_content_width=92,
    )
    command.rich_markup_mode = None
    lines = command.get_help(context).splitlines()
    yield name, "\n".join(line.rstrip() for line in lines)
    for below, one in sorted(getattr(command, "commands", {}).items()):
        if not one.hidden:
            yield from _helps(one, f"{name} {below}", context)


def main() -> None:
    """Write the page."""
    from tallystick.cli.app import build  # noqa: PLC0415 - the page needs no command to be shown

    PAGE.write_text(page(build()), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")


if __name__ == "__main__":
    main()
