"""Figures of the house at the end of a run: medians are reported, limits alone can fail."""

from __future__ import annotations

import statistics

import pytest
from tests.house import checks, tree


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    source = [len(tree.text(path).splitlines()) for path in tree.source()]
    written = [len(tree.text(path).splitlines()) for path in tree.tests()]
    lengths = [size for path in tree.source() for _, size in checks.functions(tree.tree(path))]
    if len(lengths) < 2 or not source:
        return
    terminalreporter.write_line(
        f"house: {len(source)} modules, median {statistics.median(source):.0f} lines (norm 120);"
        f" functions: median {statistics.median(lengths):.0f} (10),"
        f" 90th percentile {statistics.quantiles(lengths, n=10)[-1]:.0f} (35);"
        f" tests to source {sum(written) / sum(source):.2f} (1.4 to 1.8)"
    )
