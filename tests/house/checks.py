"""Checks of the house: pure functions from a file's text to the sentences of its breaches.

They open no file. Each one has a planted breach in test_checks.py.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

SOURCE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 60
TEST_LINES_MAX: Final = 600
ROOM_MODULES_MAX: Final = 12
DOCSTRING_LINES_MAX: Final = 6

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_BANNED: Final = {
    "cent": "minor unit",
    "cents": "minor units",
    "tenant": "deployment or owner",
    "tenants": "deployments or owners",
    "util": "what it does",
    "utils": "what it does",
    "helper": "what it does",
    "helpers": "what it does",
    "manager": "what it does",
    "managers": "what it does",
    "service": "what it is: server, room, provider",
    "services": "what they are: servers, rooms, providers",
}
#: Names that others gave: Django's, Python's, HTTP's, the browser's, Stripe's.
_ALLOWED: Final = re.compile(
    r"context ?managers?|contextmanager|\w*UserManager|SchemaManager|job_?manager"
    r"|name or service not known|service worker|terms[ _]of[ _]service|service[ _]unavailable"
    r"|\bservice_(?:actions|date|documentation)\b"
    r"|importlib\.util\b|django\.utils|uuid_utils|(?:from|import) (?!tallystick)[\w.]+",
    re.IGNORECASE,
)
_EMPTY_NAMES: Final = {"utils", "util", "helpers", "common", "manager", "base", "misc", "service"}
_UNFINISHED: Final = re.compile(r"\b(TODO|FIXME|HACK)\b|# ?XXX\b")
_REGISTRY: Final = re.compile(
    r"py[p]i\.org|pythonh[o]sted\.org|--(?:extra-)?index-url|registry\.np[m]js|\bdocker\.io/|ghcr\.io/"
)
_MACHINE_PATH: Final = re.compile(r"(?<![\w.~}*-])/(?:work|root|home|Users)/\w")
_RUFF_CODE: Final = re.compile(r'^\s*"[A-Z]{1,5}[0-9]*",')
_SECRET: Final = re.compile(r"secret|signature|digest|hmac|password|token", re.IGNORECASE)
_METRIC: Final = re.compile(
    r"prometheus_client\.(?:\w+\.)*(?:Counter|Gauge|Histogram|Summary|Info|Enum)"
)
#: tallystick_<room>_<what>_<unit>, where the unit of a counter is that it is one.
_METRIC_NAME: Final = re.compile(
    r"tallystick(?:_[a-z]+){2,}_(?:total|seconds|deeds|events|bytes|processes)"
)
_NOQA: Final = re.compile(r"# (?:noqa|type: ignore)\b(.*)$")


def long_file(text: str, limit: int) -> list[str]:
    """Return a breach if the text has more than `limit` lines."""
    count = len(text.splitlines())
    return [f"has {count} lines, {limit} at most"] if count > limit else []


def functions(tree: ast.Module) -> list[tuple[str, int]]:
    """Return each function's name and its length in lines, decorators left out."""
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, _Function)
    ]


def long_functions(tree: ast.Module) -> list[str]:
    """Return a breach for each function above the limit."""
    return [
        f"function {name} has {length} lines, {FUNCTION_LINES_MAX} at most"
        for name, length in functions(tree)
        if length > FUNCTION_LINES_MAX
    ]


def module_docstring(tree: ast.Module) -> list[str]:
    """Return a breach unless the module says in 1 to 6 lines of prose what it is for.

    Drawings (a tree of errors, states, an indented example) are no prose and not counted.
    """
    text = ast.get_docstring(tree)
    if not text:
        return ["has no docstring"]
    count = sum(1 for line in text.splitlines() if _is_prose(line))
    if not 1 <= count <= DOCSTRING_LINES_MAX:
        return [f"has a docstring of {count} lines of prose, 1 to {DOCSTRING_LINES_MAX} are asked"]
    return []


def _is_prose(line: str) -> bool:
    bare = line.strip()
    is_drawn = line.startswith(("  ", "├", "└", "│")) or any(sign in bare for sign in "├└│→")
    # A word alone is the root of a tree; two blanks in a row make a table.
    return bool(bare) and not is_drawn and " " in bare and "  " not in bare


def annotations_import(tree: ast.Module) -> list[str]:
    """Return a breach if a module with code in it does not begin with the future import."""
    if all(isinstance(node, ast.Expr) for node in tree.body):
        return []
    names = [
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    return [] if "annotations" in names else ["lacks from __future__ import annotations"]


def front_door(tree: ast.Module) -> list[str]:
    """Return a breach for a room's __init__ without docstring, or with names and no `__all__`."""
    found = [] if ast.get_docstring(tree) else ["has no docstring"]
    names = [
        node
        for node in tree.body
        if not isinstance(node, ast.Expr)
        and not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    ]
    return [*found, "has no __all__"] if names and public_names(tree) is None else found


def public_names(tree: ast.Module) -> set[str] | None:
    """Return the names in `__all__`, or None where there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
                return {str(name) for name in ast.literal_eval(node.value)}
    return None


def deep_imports(
    tree: ast.Module, *, room: str, rooms: Collection[str], doors: Mapping[str, set[str]]
) -> list[str]:
    """Return a breach for each import of another room that goes round its front door.

    `room` is the top folder of the file (or its own name), `rooms` are all packages of ours,
    dotted, and `doors` maps each package to what its `__all__` names. A room's pure `model`
    may be imported too.
    """
    found = []
    for line, module, name in _imports(tree):
        parts = module.split(".")
        if parts[0] != "tallystick" or len(parts) == 1 or parts[1] == room:
            continue
        if not _is_through_door(module, name, rooms, doors):
            target = f"{module}.{name}" if name else module
            found.append(f"line {line} imports {target}, not through the room's front door")
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and name of each import (an empty name for `import module`)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, node.module, alias.name) for alias in node.names)


def _is_through_door(
    module: str, name: str, rooms: Collection[str], doors: Mapping[str, set[str]]
) -> bool:
    parts = module.split(".")
    if parts[-1] == "model" or (len(parts) == 2 and module not in rooms):
        return True
    if module not in rooms:
        return False
    return not name or name == "model" or name in doors[module] or f"{module}.{name}" in rooms


def banned_words(text: str) -> list[str]:
    """Return a breach for each word that the glossary forbids, inside identifiers too."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = [word.lower() for word in _WORD.findall(_ALLOWED.sub(" ", line))]
        found += [
            f"line {number} says {word}: say {_BANNED[word]}" for word in words if word in _BANNED
        ]
        if ("user", "account") in itertools.pairwise(words):
            found.append(f"line {number} says user account: say person, or account of the ledger")
    return found


def empty_name(path: str) -> list[str]:
    """Return a breach if a folder or module is named after nothing."""
    parts = path.removesuffix(".py").split("/")
    return [f"is named {part}: name what it does" for part in parts if part in _EMPTY_NAMES]


def floats(tree: ast.Module) -> list[str]:
    """Return a breach for each float: a literal, a call, an annotation, a true division."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() | complex()):
                found.append(f"line {node.lineno} has a float in it")
            case ast.Name(id="float"):
                found.append(f"line {node.lineno} names float")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                if not _joins_paths(node):
                    found.append(f"line {node.lineno} divides with /: use //, divmod or allocate")
    return found


def _joins_paths(node: ast.BinOp | ast.AugAssign) -> bool:
    """Return whether the slash joins a path, which a text on one side shows."""
    sides = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        or (isinstance(side, ast.BinOp) and _joins_paths(side))
        for side in sides
    )


def unfinished(text: str) -> list[str]:
    """Return a breach for each mark of work that was put off."""
    return [
        f"line {number} puts work off"
        for number, line in enumerate(text.splitlines(), start=1)
        if _UNFINISHED.search(line)
    ]


def environment_reads(tree: ast.Module) -> list[str]:
    """Return a breach for each use of the process's environment."""
    forbidden = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}
    return [f"line {line} uses {name}" for line, name in _uses(tree) if name in forbidden]


def clocks_and_dice(tree: ast.Module) -> list[str]:
    """Return a breach for each look at the process's clock and each use of randomness."""
    clocks = {
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
        *("datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime"),
        *("os.urandom", "uuid.uuid1", "uuid.uuid4", "uuid_utils.compat.uuid7", "uuid_utils.uuid7"),
    }
    return [
        f"line {line} uses {name}"
        for line, name in _uses(tree)
        if name in clocks or name.startswith(("random.", "secrets."))
    ]


def plain_compares(tree: ast.Module) -> list[str]:
    """Return a breach for each compare of a secret whose time tells how much of it was right.

    A secret is what is named like one: what compares it is `hmac.compare_digest`.
    """
    return [
        f"line {node.lineno} compares a secret with a plain operator: use hmac.compare_digest"
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(one, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for one in node.ops)
        and any(_SECRET.search(_last_name(side)) for side in (node.left, *node.comparators))
    ]


def _last_name(node: ast.expr) -> str:
    """Return the name that an expression ends with, or an empty text."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value) | ast.Call(func=value):
            return _last_name(value)
        case _:
            return ""


def mocks_and_skips(tree: ast.Module) -> list[str]:
    """Return a breach for each test that is skipped or stands on a mock."""
    forbidden = re.compile(
        r"unittest\.(mock\b|skip)|pytest\.(skip|xfail|importorskip)\b|pytest\.mark\.(skip|xfail)"
    )
    return [f"line {line} uses {name}" for line, name in _uses(tree) if forbidden.match(name)]


def _uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of all that is used or imported, aliases resolved."""
    aliases = _aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            head, _, rest = ast.unparse(node).partition(".")
            if head in aliases:
                yield node.lineno, f"{aliases[head]}.{rest}"


def _aliases(tree: ast.Module) -> dict[str, str]:
    """Return the full dotted name behind each name that an import binds."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                aliases[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return aliases


def addresses(text: str) -> list[str]:
    """Return a breach for each address of a package registry and each path of one machine."""
    return [
        f"line {number} holds {what}"
        for number, line in enumerate(text.splitlines(), start=1)
        for pattern, what in ((_REGISTRY, "a registry"), (_MACHINE_PATH, "a machine's own path"))
        if pattern.search(line)
    ]


def requirements(text: str) -> list[str]:
    """Return a breach for each requirement without hashes and each line of another kind."""
    found = []
    entries = text.replace("\\\n", " ").splitlines()
    for entry in (line.split(" #")[0].strip() for line in entries):
        if not entry or entry.startswith("#"):
            continue
        if "://" in entry or not re.match(r"[A-Za-z0-9_.\[\],-]+==[^\s;]+", entry):
            found.append(f"{entry.split()[0]} is no pinned package")
        elif not re.search(r"--hash=sha256:[0-9a-f]{64}", entry):
            found.append(f"{entry.split()[0]} has no hash")
    if "://" in text:
        found.append("holds a URL")
    return found


def ruff_ignores(pyproject: str) -> list[str]:
    """Return a breach for each ignored rule without a reason beside it."""
    blocks = re.findall(r"^ignore = \[\n(.*?)^\]", pyproject, flags=re.MULTILINE | re.DOTALL)
    blocks += re.findall(
        r"^\[tool\.ruff\.lint\.per-file-ignores\]\n(.*?)^\[tool",
        pyproject,
        re.MULTILINE | re.DOTALL,
    )
    return [
        f"ignores {line.strip()} without a reason"
        for line in "\n".join(blocks).splitlines()
        if _RUFF_CODE.match(line) and not re.search(r'", # \S+', line)
    ]


def silent_ignores(text: str) -> list[str]:
    """Return a breach for each `noqa` without a rule's name and a reason behind it."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _NOQA.search(line)
        if match and not re.match(r"(: [A-Z0-9, ]+ - \S+|\[[a-z, -]+\])", match.group(1)):
            found.append(f"line {number} silences a checker without saying why")
    return found


def named_sql(sql: str, python: Iterable[str]) -> list[str]:
    """Return a breach for each statement without a purpose, and each that no Python asks for."""
    parts = re.split(r"^-- name: (\w+)\n", sql, flags=re.MULTILINE)
    found = [] if len(parts) > 1 else ["names no statement"]
    texts = list(python)
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        if not re.match(r"(-- \S.*\n)*-- \S.*\.\n", body):
            found.append(f"{name} has no sentence of purpose that ends with a full stop")
        if not any(f'"{name}"' in text for text in texts):
            found.append(f"{name} is used by nobody")
    return found


def error_codes(tree: ast.Module) -> dict[str, str]:
    """Return the `code` of each public class that gives itself one, by class name."""
    codes = {}
    classes = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.bases and not node.name.startswith("_")
    ]
    for node in classes:
        for line in node.body:
            match line:
                case (
                    ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code)))
                    | ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code)))
                ):
                    codes[node.name] = code
    return codes


def documented_codes(page: str) -> dict[str, str]:
    """Return the HTTP status that the page gives to each error code in its tables."""
    return dict(re.findall(r"^\| `([a-z0-9_]+)` \| ([0-9]{3}|—) \|", page, flags=re.MULTILINE))


def metrics(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """Return the labels of each metric that the module makes, by the metric's name.

    What is no plain text in the call stands there as it is written.
    """
    aliases = _aliases(tree)
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        head, dot, rest = ast.unparse(node.func).partition(".")
        if _METRIC.fullmatch(f"{aliases.get(head, head)}{dot}{rest}"):
            given = dict(zip(("name", "documentation", "labelnames"), node.args, strict=False))
            given.update({str(word.arg): word.value for word in node.keywords})
            labels = given.get("labelnames")
            names = labels.elts if isinstance(labels, ast.Tuple | ast.List) else [labels]
            found[_written(given["name"])] = tuple(_written(name) for name in names if name)
    return found


def _written(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def metric_breaches(
    made: Mapping[str, tuple[str, ...]], told: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """Return a breach for each metric of ours that is named or told otherwise than it must be.

    `made` maps each metric to its labels in the sources, `told` to those on the page.
    """
    found = []
    for name, labels in made.items():
        if not _METRIC_NAME.fullmatch(name):
            found.append(f"makes {name}, which is no tallystick_<room>_<what>_<unit>")
        elif name not in told:
            found.append(f"makes {name}, which the page does not tell of")
        elif told[name] != labels:
            found.append(f"makes {name} with labels {labels}, and the page tells {told[name]}")
    return found


def documented_metrics(page: str) -> dict[str, tuple[str, ...]]:
    """Return the labels that the page gives to each metric, by the metric's name."""
    sections = re.findall(r"^### `(\w+)`\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    told = {}
    for name, section in sections:
        line = re.search(r"^- Labels: (.*)$", section, re.MULTILINE)
        told[name] = tuple(re.findall(r"`(\w+)`", line[1])) if line else ("?",)
    return told


def manifest_breaches(told: Mapping[str, Mapping[str, str]], kept: Mapping[str, str]) -> list[str]:
    """Return a breach for each vendored file that the manifest does not tell truly.

    `told` maps each file to what the manifest says of it, `kept` to its SHA-256.
    """
    found = [f"{name} is not in the manifest" for name in sorted(kept.keys() - told.keys())]
    found += [f"{name} is not there" for name in sorted(told.keys() - kept.keys())]
    for name in sorted(told.keys() & kept.keys()):
        if told[name].get("sha256") != kept[name]:
            found.append(f"{name} is not the file that the manifest describes")
        if not told[name].get("licence"):
            found.append(f"{name} has no licence in the manifest")
    return found


def dead_links(page: str, exists: Collection[str]) -> list[str]:
    """Return a breach for each relative link of a Markdown page that leads nowhere.

    `exists` are the targets, as written in the page, that are there.
    """
    return [
        f"links to {target}, which is not there" for target in links(page) if target not in exists
    ]


def links(page: str) -> list[str]:
    """Return the relative targets of a page's links and pictures, without their anchors."""
    targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", page)
    return [
        target for target in targets if "://" not in target and not target.startswith("mailto:")
    ]
