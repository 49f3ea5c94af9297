"""The lab's door: shut where a part is not this house's own, POST alone, for the signed-in."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from tallystick.web.lab.buttons import BUTTONS, GROUPS


@pytest.fixture
def lab(site):
    """Make every part look as if it were this house's own; none of them answers."""
    ours = settings.TALLYSTICK
    simulator = f"http://{ours.simulator_host}:9"
    parts = {"caretaker": Path("/nowhere/caretaker.sock"), "simulator_port": 9}
    with override_settings(
        TALLYSTICK=ours.model_copy(update={**parts, "stripe_api_url": simulator})
    ):
        yield


def but(**parts: object):
    return override_settings(TALLYSTICK=settings.TALLYSTICK.model_copy(update=parts))


class TestDoor:
    def test_is_shut_where_nobody_keeps_the_house(self, sign_up):
        browser = sign_up()
        assert browser.get("/dev/lab").status_code == 404
        assert browser.post("/dev/lab/do/kill").status_code == 404

    @pytest.mark.parametrize(
        "parts",
        [
            {"caretaker": None},
            {"dev_endpoints": False},
            {"env": "production"},
            {"stripe_api_url": "https://api.stripe.com"},
        ],
        ids=str,
    )
    def test_is_shut_where_one_part_is_not_ours(self, lab, sign_up, parts):
        browser = sign_up()
        assert browser.get("/dev/lab").status_code == 200
        with but(**parts):
            assert browser.get("/dev/lab").status_code == 404
            assert browser.get("/dev/lab/live").status_code == 404
            assert browser.post("/dev/lab/do/kill").status_code == 404

    def test_sends_strangers_to_the_sign_in(self, lab, site):
        assert site.browser().get("/dev/lab").status_code == 302
        assert site.browser().post("/dev/lab/do/kill").status_code == 302

    def test_does_nothing_by_get_nor_without_the_token(self, lab, sign_up):
        browser = sign_up()
        assert browser.get("/dev/lab/do/kill").status_code == 405
        browser.handler.enforce_csrf_checks = True
        assert browser.post("/dev/lab/do/kill").status_code == 403

    def test_knows_its_own_buttons_alone(self, lab, sign_up):
        assert sign_up().post("/dev/lab/do/kill-minus-one").status_code == 404


class TestPage:
    def test_shows_every_button_with_what_it_will_do(self, lab, sign_up):
        page = sign_up().get("/dev/lab").content.decode()
        for name in BUTTONS:
            assert f"/dev/lab/do/{name}" in page
        for group in GROUPS:
            assert all(one.what for one in group.buttons)
        assert "The books balance" in page

    def test_says_which_part_does_not_answer_and_goes_on(self, lab, sign_up):
        browser = sign_up()
        page = browser.get("/dev/lab").content.decode()
        assert "The simulator does not answer." in page
        assert "is it still there?" in page
        answer = browser.post("/dev/lab/do/lose", headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert "The simulator does not answer." in answer.content.decode()

    def test_is_fresh_without_being_sent_twice(self, lab, sign_up):
        browser = sign_up()
        part = browser.get("/dev/lab/live").content.decode()
        seen = part.partition("?seen=")[2].partition('"')[0]
        assert browser.get(f"/dev/lab/live?seen={seen}").status_code == 204
        started = browser.post("/dev/lab/do/start", {"amount": "500"})
        assert started.status_code == 302
        fresh = browser.get(f"/dev/lab/live?seen={seen}")
        assert fresh.status_code == 200
        assert "starting" in fresh.content.decode()

    @pytest.mark.parametrize("amount", ["", "7", "-500", "500.00", "NaN", "5e9"])
    def test_takes_no_other_amount(self, lab, sign_up, amount):
        browser = sign_up()
        answer = browser.post(
            "/dev/lab/do/start", {"amount": amount}, headers={"HX-Request": "true"}
        )
        assert "Choose one of the amounts." in answer.content.decode()
        assert "No payment yet" in browser.get("/dev/lab/live").content.decode()
