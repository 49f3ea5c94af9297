"""Sign-up, sign-in, verification, reset and sessions, through the pages themselves."""

from __future__ import annotations

import re
import threading

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client

from tallystick.web.people import PersonNotFound, promote
from tallystick.web.people.models import Person

PASSWORD = "lantern puddle orbit seventeen"
OTHER = "marble thunder pickle envelope"
AMINA = "amina@example.org"
#: One sign more than any address has.
LONG = f"{'a' * 60}@{'b' * 63}.{'c' * 63}.{'d' * 62}.org"


def post(browser: Client, path: str, **fields: str):
    return browser.post(path, fields)


def is_signed_in(browser: Client) -> bool:
    return b"Your menu" in browser.get("/").content


class TestSignUp:
    def test_makes_the_person_their_wallet_and_a_letter(self, site, sign_up):
        sign_up(confirmed=False)
        person = Person.objects.get(email=AMINA)
        assert (person.name, person.is_operator, person.id.version) == ("Amina", False, 7)
        assert site.count(f"tallystick.wallet WHERE owner = 'person:{person.id}'") == 1
        [letter] = site.letters(AMINA)
        assert letter.subject == "Confirm your e-mail address"
        assert letter.html is not None

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("password1", "short", "at least 15"),
            ("password1", "amina amina amina", "easy to guess"),
            ("password1", PASSWORD + "\x00", "Null characters"),
            ("email", "nonsense", "valid email"),
            ("email", "a\x00b@example.org", "Null characters"),
            ("email", "", "Fill in: e-mail address"),
            ("email", LONG, "This has 255 characters; an e-mail address may have 254 at most"),
            ("name", "n" * 101, "at most 100"),
        ],
    )
    def test_refused_says_why_and_leaves_nothing(self, site, field, value, said):
        fields = {"email": AMINA, "password1": PASSWORD, "name": "", field: value}
        answer = post(site.browser(), "/sign-up", **fields)
        assert said in answer.content.decode()
        for table in ("people_person", "tallystick.wallet", "tallystick.mail"):
            assert site.count(table) == 0

    def test_that_breaks_on_its_way_leaves_nothing(self, site, monkeypatch):
        monkeypatch.setattr("tallystick.web.people.mail.mail.queue", None)
        with pytest.raises(TypeError):
            post(site.browser(), "/sign-up", email=AMINA, password1=PASSWORD)
        for table in ("people_person", "account_emailaddress", "tallystick.wallet"):
            assert site.count(table) == 0

    def test_answers_the_same_for_a_known_address(self, site, sign_up):
        sign_up()
        cache.clear()  # a while later: letters to one address are 10 s apart
        known = post(site.browser(), "/sign-up", email="AMINA@example.org", password1=PASSWORD)
        fresh = post(site.browser(), "/sign-up", email="new@example.org", password1=PASSWORD)
        assert known.status_code == fresh.status_code == 302
        assert known["Location"] == fresh["Location"]
        assert site.count("people_person") == 2
        assert site.letters(AMINA)[0].subject == "You have a wallet already"

    def test_ten_times_at_once_makes_one_person(self, site):
        gate = threading.Barrier(10)
        answers: list[int] = []

        def ask():
            gate.wait()
            answer = post(site.browser(), "/sign-up", email=AMINA, password1=PASSWORD)
            answers.append(answer.status_code)
            connection.close()

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [302] * 10
        assert site.count("people_person") == site.count("tallystick.wallet") == 1

    def test_of_two_at_the_very_same_time_answers_both_alike(self, site):
        gate = threading.Barrier(2, timeout=20)
        answers: list[int] = []

        def meet(**_: object) -> None:
            """Let both find the address free before either takes it."""
            gate.wait()

        def ask(place: str):
            try:
                # From two places: one place's sign-ups are counted, and so come one by one.
                browser = Client(SERVER_NAME="127.0.0.1", SERVER_PORT="8123", REMOTE_ADDR=place)
                answer = post(browser, "/sign-up", email=AMINA, password1=PASSWORD)
                answers.append(answer.status_code)
            finally:
                connection.close()

        pre_save.connect(meet, sender=Person)
        try:
            threads = [threading.Thread(target=ask, args=(f"192.0.2.{n}",)) for n in (1, 2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            pre_save.disconnect(meet, sender=Person)
        assert answers == [302, 302]
        assert site.count("people_person") == site.count("tallystick.wallet") == 1


class TestVerify:
    def test_is_needed_before_the_first_sign_in(self, site, sign_up):
        browser = sign_up(confirmed=False)
        assert not is_signed_in(browser)
        answer = post(browser, "/sign-in", login=AMINA, password=PASSWORD)
        assert answer["Location"] == "/verify-email"
        assert not is_signed_in(browser)

    def test_needs_the_button_and_not_the_link_alone(self, site, sign_up):
        browser = sign_up(confirmed=False)
        assert b"Is this your address?" in browser.get(site.link(AMINA)).content
        assert not is_signed_in(browser)
        browser.post(site.link(AMINA))
        assert is_signed_in(browser)

    def test_signs_in_no_browser_but_the_one_that_signed_up(self, site, sign_up):
        sign_up(confirmed=False)
        other = site.browser()
        other.post(site.link(AMINA))
        assert not is_signed_in(other)
        post(other, "/sign-in", login=AMINA, password=PASSWORD)
        assert is_signed_in(other)

    def test_refuses_a_forged_link(self, site):
        answer = site.browser().get("/verify-email/MQ:1abc:forged")
        assert b"This link does not work" in answer.content

    def test_writes_links_to_our_own_address_whatever_the_host_header_says(self, site):
        browser = Client(SERVER_NAME="localhost", SERVER_PORT="6666")
        post(browser, "/sign-up", email=AMINA, password1=PASSWORD)
        [letter] = site.letters(AMINA)
        assert "http://127.0.0.1:8123/verify-email/" in letter.text
        assert "6666" not in letter.text + str(letter.html)


class TestSignIn:
    def test_gets_a_new_session(self, site, sign_up):
        sign_up()
        browser = site.browser()
        browser.get("/")
        browser.session["kept"] = "by nobody"
        browser.cookies["sessionid"] = "a" * 32
        post(browser, "/sign-in", login="Amina@Example.org", password=PASSWORD)
        assert is_signed_in(browser)
        assert browser.cookies["sessionid"].value != "a" * 32

    def test_tells_nobody_whether_the_address_is_known(self, site, sign_up):
        sign_up()

        def refused(login: str) -> str:
            text = post(site.browser(), "/sign-in", login=login, password=OTHER).content.decode()
            return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text).replace(login, "")

        assert "do not belong together" in refused(AMINA)
        assert refused(AMINA) == refused("nobody@example.org")

    def test_stops_guessing(self, site, sign_up):
        sign_up()
        browser = site.browser()
        for _ in range(5):
            post(browser, "/sign-in", login=AMINA, password=OTHER)
        answer = post(browser, "/sign-in", login=AMINA, password=PASSWORD)
        assert b"Too many tries" in answer.content
        assert not is_signed_in(browser)

    def test_refuses_a_closed_account(self, site, sign_up):
        browser = sign_up()
        Person.objects.update(is_active=False)
        assert not is_signed_in(browser)
        assert not is_signed_in(site.browser())

    def test_needs_the_forms_token(self, site):
        browser = Client(SERVER_NAME="127.0.0.1", enforce_csrf_checks=True)
        answer = browser.post("/sign-in", {"login": AMINA, "password": PASSWORD})
        assert answer.status_code == 403
        assert b"Reload the page" in answer.content

    def test_leads_only_to_pages_of_ours(self, site, sign_up):
        sign_up()
        fields = {"login": AMINA, "password": PASSWORD, "next": "https://evil.example/"}
        assert site.browser().post("/sign-in", fields)["Location"] == "/"


class TestSignOut:
    def test_needs_a_button_and_ends_the_session(self, site, sign_up):
        browser = sign_up()
        browser.get("/sign-out")
        assert is_signed_in(browser)
        browser.post("/sign-out")
        assert not is_signed_in(browser)
        assert site.count("django_session WHERE expire_date > now()") <= 1


class TestReset:
    def test_lets_in_with_the_new_password_and_ends_other_sessions(self, site, sign_up):
        elsewhere = sign_up()
        browser = site.browser()
        assert post(browser, "/forgotten-password", email=AMINA).status_code == 302
        form = browser.get(site.link(AMINA), follow=True)
        path = form.redirect_chain[-1][0]
        refused = post(browser, path, password1="short")
        assert b"at least 15" in refused.content
        post(browser, path, password1=OTHER)
        assert not is_signed_in(elsewhere)
        assert post(browser, "/sign-in", login=AMINA, password=OTHER)["Location"] == "/"
        assert site.letters(AMINA)[0].subject == "Your password was changed"

    def test_answers_the_same_for_an_unknown_address(self, site, sign_up):
        sign_up()
        known = post(site.browser(), "/forgotten-password", email=AMINA)
        unknown = post(site.browser(), "/forgotten-password", email="nobody@example.org")
        assert known["Location"] == unknown["Location"]
        assert known.content == unknown.content
        assert "No wallet" in site.letters("nobody@example.org")[0].subject

    def test_takes_a_link_once(self, site, sign_up):
        sign_up()
        browser = site.browser()
        post(browser, "/forgotten-password", email=AMINA)
        link = site.link(AMINA)
        path = browser.get(link, follow=True).redirect_chain[-1][0]
        post(browser, path, password1=OTHER)
        again = site.browser().get(link, follow=True)
        assert b"This link does not work" in again.content


class TestChangePassword:
    def test_keeps_this_session_and_ends_the_others(self, site, sign_up):
        browser = sign_up()
        elsewhere = site.browser()
        post(elsewhere, "/sign-in", login=AMINA, password=PASSWORD)
        assert is_signed_in(elsewhere)
        post(browser, "/settings/security", oldpassword=PASSWORD, password1=OTHER)
        assert is_signed_in(browser)
        assert not is_signed_in(elsewhere)

    def test_refuses_a_wrong_old_password(self, site, sign_up):
        answer = post(sign_up(), "/settings/security", oldpassword=OTHER, password1=OTHER)
        assert b"not your current password" in answer.content


class TestChangeEmail:
    def test_asks_for_the_password_first(self, site, sign_up):
        browser = sign_up()
        answer = browser.post("/settings/email", {"email": "b@example.org", "action_add": ""})
        assert answer["Location"] == "/confirm-it-is-you?next=%2Fsettings%2Femail"
        refused = browser.post(answer["Location"], {"password": OTHER})
        assert b"This is not your password." in refused.content
        assert site.letters("b@example.org") == []

    def test_keeps_the_old_address_until_the_new_one_is_confirmed(self, site, sign_up):
        browser = sign_up()
        asked = browser.post("/settings/email", {"email": "b@example.org", "action_add": ""})
        browser.post(asked["Location"], {"password": PASSWORD, "next": "/settings/email"})
        assert Person.objects.get().email == AMINA
        assert b"waits for you" in browser.get("/settings/email").content
        browser.post(site.link("b@example.org"))
        assert Person.objects.get().email == "b@example.org"

    def test_refuses_an_address_that_would_be_cut(self, site, sign_up):
        browser = sign_up()
        asked = browser.post("/settings/email", {"email": "b@example.org", "action_add": ""})
        browser.post(asked["Location"], {"password": PASSWORD, "next": "/settings/email"})
        answer = browser.post("/settings/email", {"email": LONG, "action_add": ""})
        assert "may have 254 at most" in answer.content.decode()
        assert site.letters(LONG) == site.letters(LONG[:254]) == []


class TestSessions:
    def test_signs_out_the_others(self, site, sign_up):
        browser = sign_up()
        elsewhere = site.browser()
        post(elsewhere, "/sign-in", login=AMINA, password=PASSWORD)
        is_signed_in(elsewhere)
        browser.post("/settings/sessions")
        assert is_signed_in(browser)
        assert not is_signed_in(elsewhere)


class TestPromote:
    def test_makes_an_operator_once(self, site, sign_up):
        sign_up()
        assert promote(email="Amina@example.org") is True
        assert promote(email=AMINA) is False
        assert Person.objects.get().is_operator

    def test_refuses_an_unknown_address(self, site):
        with pytest.raises(PersonNotFound, match="sign up first"):
            promote(email="nobody@example.org")


class TestEveryPage:
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/sign-up",
            "/sign-in",
            "/sign-out",
            "/closed",
            "/verify-email",
            "/forgotten-password",
            "/forgotten-password/sent",
            "/new-password/done",
            "/new-password/1-2-3",
            "/dev/mail",
        ],
    )
    def test_wears_our_dress_for_strangers(self, site, path):
        answer = site.browser().get(path, follow=True)
        assert b"tallystick." in answer.content
        assert b"ts-brand" in answer.content

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/top-up",
            "/settings",
            "/settings/profile",
            "/settings/email",
            "/settings/security",
            "/settings/sessions",
            "/confirm-it-is-you",
            "/sign-out",
        ],
    )
    def test_wears_our_dress_for_people(self, site, sign_up, path):
        answer = sign_up().get(path)
        assert answer.status_code == 200
        assert b"ts-brand" in answer.content
