"""What `bin/bench` does: run benchmarks by name, each a module here with `run() -> dict`.

It prints figures, as a table or as JSON, and judges none.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


def main() -> int:
    """Run the benchmarks that the command line names, and return the exit status."""
    known = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure Tallystick.")
    parser.add_argument("name", nargs="*", help=f"which: {', '.join(known)}; all without a name")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    unknown = sorted(set(asked.name) - set(known))
    if unknown:
        print(f"No benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 1
    results = {}
    for name in asked.name or known:
        results[name] = importlib.import_module(f"benchmarks.{name}").run()
        if not asked.json:
            print(name)
            for figure, value in results[name].items():
                print(f"  {figure:<32} {value}")
    if asked.json:
        print(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
