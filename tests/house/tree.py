"""The repository's files, read once, as the house tests see them."""

from __future__ import annotations

import ast
import fnmatch
import functools
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "src" / "tallystick"
VENDORED: Final = SOURCE / "web" / "static" / "vendor"
#: Texts of ours by their ending; pictures and fonts are none.
_TEXTS: Final = {
    *(".py", ".sql", ".html", ".txt", ".md", ".toml", ".yml", ".yaml", ".cfg", ".ini", ".json"),
    *(".css", ".js", ".sh", ".example", ".svg", ""),
}


@functools.cache
def files() -> tuple[Path, ...]:
    """Return every file that belongs to the repository: what .gitignore leaves."""
    return tuple(sorted(_walk(ROOT, (".git", *_ignored()))))


def texts(*endings: str, vendored: bool = False) -> list[Path]:
    """Return the text files with one of the endings (all kinds without any)."""
    wanted = set(endings) or _TEXTS
    return [
        path
        for path in files()
        if path.suffix in wanted and (vendored or VENDORED not in path.parents)
    ]


@functools.cache
def text(path: Path) -> str:
    """Return the file's text."""
    return path.read_text(encoding="utf-8")


@functools.cache
def tree(path: Path) -> ast.Module:
    """Return the file's syntax tree."""
    return ast.parse(text(path), str(path))


def source() -> list[Path]:
    """Return the modules of the package, Django's generated migrations left out."""
    return [
        path
        for path in texts(".py")
        if SOURCE in path.parents and not path.match("web/people/migrations/*.py")
    ]


def scripts() -> list[Path]:
    """Return the Python scripts outside the package and the tests."""
    return [
        path for path in texts(".py") if {ROOT / "bin", ROOT / "benchmarks"} & set(path.parents)
    ]


def tests() -> list[Path]:
    """Return the modules of the tests."""
    return [path for path in texts(".py") if ROOT / "tests" in path.parents]


def room(path: Path) -> str:
    """Return the top folder of a module of the package, or its own name."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def module_name(path: Path) -> str:
    """Return the dotted name of a module of the package."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def show(path: Path) -> str:
    """Return the path below the repository's root."""
    return path.relative_to(ROOT).as_posix()


def report(breaches: dict[Path, list[str]]) -> str:
    """Return one line a breach; an empty text where there is none."""
    return "\n".join(
        f"{show(path)} {breach}" for path, found in breaches.items() for breach in found
    )


def _ignored() -> list[str]:
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [line.rstrip("/") for line in lines if line and not line.startswith("#")]


def _walk(folder: Path, ignored: Collection[str]) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = [name for name in folders if not _is_ignored(here / name, ignored)]
        yield from (here / name for name in names if not _is_ignored(here / name, ignored))


def _is_ignored(path: Path, ignored: Collection[str]) -> bool:
    below = path.relative_to(ROOT).as_posix()
    return any(fnmatch.fnmatch(path.name, one) or below == one for one in ignored)
