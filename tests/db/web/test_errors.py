"""Error pages: plain words, rendered with nothing but their template."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

STATUSES = ["400", "403", "403_csrf", "404", "405", "429", "500", "503"]


class TestErrorPages:
    @pytest.mark.parametrize("name", STATUSES)
    def test_need_no_request_and_no_database(self, name):
        page = render_to_string(f"errors/{name}.html", {"request_id": "req-1"})
        assert f">{name[:3]}<" in page
        assert "<h1>" in page
        assert "req-1" in page
        assert "<script src=" in page

    def test_say_that_the_money_is_safe_when_the_fault_is_ours(self):
        for name in ("500", "503"):
            assert "Your money is" in render_to_string(f"errors/{name}.html", {})

    def test_serve_too_many_tries_as_well(self, site):
        browser = site.browser()
        answers = [browser.post("/sign-up", {"email": ""}) for _ in range(21)]
        assert answers[-1].status_code == 429
        assert b"One moment, please" in answers[-1].content

    def test_are_answered_for_a_lost_address(self, site):
        answer = site.browser().get("/nothing/here")
        assert answer.status_code == 404
        assert b"There is nothing here" in answer.content
