"""One house for the proofs of a module, with nobody else's payments in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.acceptance.payments.till import Till, opened


@pytest.fixture(scope="module")
def till(lasting_database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    with opened(lasting_database, tmp_path_factory.mktemp("house")) as till:
        yield till
