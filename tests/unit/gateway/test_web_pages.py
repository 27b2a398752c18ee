"""Pages while peers refuse or are away: what is said, what is kept, and who is let in."""

import re
from typing import Any

from crm.campaigns.v1 import template_pb2
from crm.interactions.v1 import note_service_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.page_parts import ID, csrf_token
from tests.unit.gateway.page_parts import signed_in as signed_in

AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="interactions")


class TestWhoIsLetIn:
    def test_nobody_without_a_session(self, http: FlaskClient) -> None:
        answer = http.get("/contacts?kind=lead")

        assert answer.status_code == 303
        assert answer.headers["Location"] == "/sign-in?next=/contacts?kind%3Dlead"

    def test_a_part_of_a_page_makes_the_whole_page_go_to_sign_in(self, http: FlaskClient) -> None:
        answer = http.get("/contacts", headers={"HX-Request": "true"})

        assert answer.status_code == 204
        assert answer.headers["HX-Redirect"].startswith("/sign-in")

    def test_a_form_without_its_token_changes_nothing(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        answer = signed_in.post("/contacts/new", data={"display_name": "Hoa"})

        assert answer.status_code == 403
        assert peers.named("CreateContact") == []

    def test_another_site_cannot_sign_anybody_in(self, http: FlaskClient, peers: Any) -> None:
        answer = http.post(
            "/sign-in",
            data={"email": "a@b.vn", "password": "x"},
            headers={"Origin": "https://evil.example"},
        )

        assert answer.status_code == 403
        assert peers.named("SignIn") == []

    def test_too_many_tries_are_told_with_the_time_to_wait(
        self, http: FlaskClient, peers: Any
    ) -> None:
        refused = errors.ResourceExhausted("RATE_LIMITED", "slow down")
        refused.retry_after_seconds = 300
        peers.answers["SignIn"] = refused

        answer = http.post("/sign-in?lang=en", data={"email": "a@b.vn", "password": "x"})

        assert answer.status_code == 429
        page = answer.get_data(as_text=True)
        assert "wait 5 min" in page
        assert 'value="a@b.vn"' in page


class TestMissingPeers:
    def test_a_contact_is_shown_and_what_is_missing_is_named(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers.update(ListTimeline=AWAY, ListFollowUps=AWAY)

        answer = signed_in.get(f"/contacts/{ID}")

        page = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert "Follow-ups and notes does not answer right now" in page

    def test_sources_that_the_story_lacks_are_named(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListTimeline"] = note_service_pb2.ListTimelineResponse(
            unavailable_sources=["campaigns"]
        )

        page = signed_in.get(f"/contacts/{ID}").get_data(as_text=True)

        assert "their entries are missing: Campaigns." in page

    def test_a_list_whose_peer_is_away_offers_to_try_again(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListContacts"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        answer = signed_in.get("/contacts")

        assert answer.status_code == 503
        assert "Try again" in answer.get_data(as_text=True)

    def test_a_failure_of_ours_tells_nothing_of_its_cause(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListContacts"] = None

        answer = signed_in.get("/contacts")

        assert answer.status_code == 500
        assert "secret detail" not in answer.get_data(as_text=True)

    def test_a_form_keeps_what_was_typed_while_the_peer_is_away(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["CreateContact"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        answer = signed_in.post(
            "/contacts/new",
            data={"csrf_token": csrf_token(signed_in, "/contacts/new"), "company": "Cửu Long"},
        )

        assert answer.status_code == 503
        assert 'value="Cửu Long"' in answer.get_data(as_text=True)


class TestAContactsForm:
    def test_a_field_refused_is_told_beside_its_input_past_rows_left_empty(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        wrong = [FieldViolation("contact.phones[0].number", "is not a valid phone number (VN)")]
        peers.answers["CreateContact"] = errors.InvalidArgument(
            "FIELDS_INVALID", "invalid", violations=wrong
        )

        answer = signed_in.post(
            "/contacts/new",
            data={
                "csrf_token": csrf_token(signed_in, "/contacts/new"),
                "phones[0].number": "",
                "phones[1].number": "12",
            },
        )

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert '<div class="invalid-feedback d-block" id="phones-0-number-wrong">' in page
        assert "Is not a valid phone number (VN)" in page

    def test_it_is_sent_under_the_id_of_the_form(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["CreateContact"] = contact_pb2.Contact(id=ID)
        token = csrf_token(signed_in, "/contacts/new")

        for _ in range(2):
            data = {"csrf_token": token, "request_id": ID, "display_name": "Hoa", "tags": "a, b,"}
            signed_in.post("/contacts/new", data=data)

        first, second = peers.named("CreateContact")
        assert first.request == second.request
        assert first.request.request_id == ID
        assert list(first.request.contact.tags) == ["a", "b"]

    def test_what_people_are_called_is_never_read_as_markup(self, signed_in: FlaskClient) -> None:
        page = signed_in.get(f"/contacts/{ID}").get_data(as_text=True)

        assert "<b>Hoa" not in page
        assert "&lt;b&gt;Hoa" in page

    def test_a_name_that_was_composed_is_composed_anew_when_its_parts_change(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetContact"] = contact_pb2.Contact(
            id=ID, family_name="Đào", given_name="Hoa", display_name="Đào Hoa", etag="7"
        )
        peers.answers["UpdateContact"] = contact_pb2.Contact(id=ID)

        data = {"family_name": "Đỗ", "given_name": "Hoa", "display_name": "Đào Hoa", "etag": "7"}
        data["csrf_token"] = csrf_token(signed_in, f"/contacts/{ID}/edit")
        signed_in.post(f"/contacts/{ID}/edit", data=data)

        assert peers.last.request.contact.display_name == ""
        assert peers.last.request.contact.etag == "7"


class TestTemplates:
    def test_the_form_offers_html_and_mjml_in_both_languages(self, signed_in: FlaskClient) -> None:
        for language, said in (("en", "Written in"), ("vi", "Viết bằng")):
            text = signed_in.get(f"/templates/new?lang={language}").get_data(as_text=True)
            assert 'name="markup" value="html" checked' in text
            assert 'name="markup" value="mjml"' in text
            assert said in text

    def test_mjml_is_stored_as_such_and_its_line_is_told(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        wrong = FieldViolation("template.html", "line 2: there is no element <mj-x>")
        peers.answers["CreateTemplate"] = errors.InvalidArgument(
            "TEMPLATE_REFUSED", "no", violations=[wrong]
        )
        data = {"name": "Thư", "channel": "email", "subject": "x", "html": "<mjml>\n<mj-x/>"}
        data |= {"markup": "mjml", "csrf_token": csrf_token(signed_in, "/templates/new")}

        answer = signed_in.post("/templates/new", data=data)

        sent = peers.named("CreateTemplate")[0].request.template
        page = answer.get_data(as_text=True)
        assert sent.markup == template_pb2.MARKUP_MJML
        assert answer.status_code == 400
        assert "Line 2: there is no element &lt;mj-x&gt;" in page
        assert 'value="mjml" checked' in page


class TestThePolicy:
    def test_no_page_has_a_script_or_a_style_of_its_own(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse()

        for path in ("/contacts", "/contacts/new", f"/contacts/{ID}", "/sign-in"):
            page = signed_in.get(path).get_data(as_text=True)
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page), path
            assert not re.search(r"<script(?![^>]* src=)", page), path
            assert not re.search(r"(?:src|href)=\"https?://", page), path

    def test_only_documents_that_show_mail_allow_inline_styles(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["PreviewTemplate"] = errors.InvalidArgument("TEMPLATE_REFUSED", "no")
        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse()

        mail = signed_in.get(f"/templates/{ID}/preview").headers["Content-Security-Policy"]
        page = signed_in.get("/contacts").headers["Content-Security-Policy"]

        assert "unsafe-inline" not in page
        assert "script-src" not in mail
        assert "default-src 'none'" in mail
