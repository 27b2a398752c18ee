"""Pages of staff, teams and roles."""

import re
from typing import Any

import pytest
from crm.accounts.v1 import session_service_pb2, user_pb2, user_service_pb2
from flask.testing import FlaskClient
from google.protobuf import empty_pb2

from chassis import errors
from tests.unit.gateway.web_parts import ID, sent, shown

ROLE = "0192f3a0-0000-7000-8000-000000000009"
BUILTIN = "0192f3a0-0000-7000-8000-00000000000b"
Right = user_pb2.Right


@pytest.fixture
def browser(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of an administrator; there are two colleagues, two roles and a team."""
    lan = user_pb2.User(
        id=ID, etag="2", email="lan@mekong.example", display_name="Lan", role_id=ROLE, active=True
    )
    gone = user_pb2.User(id="u9", email="old@mekong.example", display_name="Cũ", role_id=ROLE)
    own = user_pb2.Role(id=ROLE, etag="4", name="Telesales", hidden_fields=["contacts.phones"])
    own.rights.add(resource="contacts", action="read", level=user_pb2.LEVEL_TEAM)
    manager = user_pb2.Role(id=BUILTIN, name="manager", builtin=True)
    manager.rights.add(resource="*", action="*", level=user_pb2.LEVEL_TEAM)
    manager.rights.add(resource="contacts", action="delete", level=user_pb2.LEVEL_NONE)
    peers.answers.update(
        ListUsers=user_service_pb2.ListUsersResponse(users=[lan, gone]),
        GetUser=lan,
        CreateUser=lan,
        UpdateUser=lan,
        DeactivateUser=gone,
        SetPassword=empty_pb2.Empty(),
        ListRoles=user_service_pb2.ListRolesResponse(roles=[own, manager]),
        CreateRole=own,
        UpdateRole=own,
        ListTeams=user_service_pb2.ListTeamsResponse(teams=[user_pb2.Team(id="t1", name="Đội A")]),
        CreateTeam=user_pb2.Team(id="t2", name="Đội B"),
        ListSessions=session_service_pb2.ListSessionsResponse(),
    )
    return signed_in


def chosen(page: str, name: str) -> str:
    """The value that a select shows."""
    select = re.search(rf'<select[^>]*name="{re.escape(name)}".*?</select>', page, re.DOTALL)
    assert select is not None, name
    found = re.search(r'<option value="([^"]*)" selected', select.group(0))
    return found.group(1) if found else ""


class TestStaff:
    def test_they_are_listed_with_role_and_who_was_shut_out(self, browser: FlaskClient) -> None:
        page = shown(browser, "/staff")

        assert page.count("Telesales") == 2
        assert page.count("Shut out") == 1
        assert "Đội A" in page

    def test_those_shut_out_are_asked_for(self, browser: FlaskClient, peers: Any) -> None:
        shown(browser, "/staff")
        shown(browser, "/staff?all=1")

        asked = [it.request.include_inactive for it in peers.named("ListUsers")]
        assert asked[-2:] == [False, True]

    def test_one_is_added(self, browser: FlaskClient, peers: Any) -> None:
        answer = sent(
            browser,
            "/staff/new",
            display_name="Mai",
            email="mai@mekong.example",
            role_id=ROLE,
            locale="vi",
            time_zone="Asia/Ho_Chi_Minh",
            password=" a long password ",
        )

        request = peers.named("CreateUser")[-1].request
        assert answer.status_code == 303
        assert (request.user.display_name, request.user.role_id) == ("Mai", ROLE)
        assert request.password == " a long password "

    def test_what_is_refused_is_named_and_nothing_typed_is_lost(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        violation = errors.FieldViolation("password", "must have 12 to 200 characters")
        peers.answers["CreateUser"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[violation]
        )

        answer = sent(browser, "/staff/new", display_name="Mai", email="m@x.vn", password="short")

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'value="Mai"' in page
        assert 'id="password-wrong"' in page

    def test_a_changed_one_is_not_overwritten(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["UpdateUser"] = errors.Aborted("ETAG_STALE", "changed", resource="user")

        answer = sent(browser, f"/staff/{ID}", display_name="Mai", etag="1")

        assert answer.status_code == 412
        assert "alert-warning" in answer.get_data(as_text=True)

    def test_shutting_out_leads_to_who_takes_over(self, browser: FlaskClient, peers: Any) -> None:
        answer = sent(browser, f"/staff/{ID}/deactivate")

        assert peers.named("DeactivateUser")[-1].request.id == ID
        assert answer.headers["Location"].endswith(f"/follow-ups/reassign?user_id={ID}")

    def test_the_last_administrator_stays(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["DeactivateUser"] = errors.FailedPrecondition(
            "RESOURCE_IN_USE", "the last administrator", resource="user"
        )

        answer = sent(browser, f"/staff/{ID}/deactivate")

        assert answer.status_code == 409
        assert 'value="Lan"' in answer.get_data(as_text=True)

    def test_a_password_is_set(self, browser: FlaskClient, peers: Any) -> None:
        answer = sent(browser, f"/staff/{ID}/password", new_password="another long one")

        request = peers.named("SetPassword")[-1].request
        assert (request.id, request.new_password) == (ID, "another long one")
        assert answer.status_code == 303

    def test_a_team_is_added_or_says_why_not(self, browser: FlaskClient, peers: Any) -> None:
        assert sent(browser, "/teams", name="Đội B").status_code == 303
        peers.answers["CreateTeam"] = errors.AlreadyExists(
            "RESOURCE_EXISTS", "taken", resource="team", field="name"
        )

        answer = sent(browser, "/teams", name="Đội A")

        assert answer.status_code == 409
        assert 'value="Đội A"' in answer.get_data(as_text=True)

    def test_a_team_is_renamed_or_says_why_not(self, browser: FlaskClient, peers: Any) -> None:
        team = "0192f3a0-0000-7000-8000-0000000000aa"
        listed = user_service_pb2.ListTeamsResponse(teams=[user_pb2.Team(id=team, name="Đội A")])
        peers.answers.update(ListTeams=listed, UpdateTeam=listed.teams[0])
        assert sent(browser, f"/teams/{team}", name="Đội C", etag="1").status_code == 303
        peers.answers["UpdateTeam"] = errors.AlreadyExists(
            "RESOURCE_EXISTS", "taken", resource="team", field="name"
        )

        answer = sent(browser, f"/teams/{team}", name="Đội D", etag="1")

        assert peers.named("UpdateTeam")[0].request.team.name == "Đội C"
        assert answer.status_code == 409
        assert 'value="Đội D"' in answer.get_data(as_text=True)


class TestRoles:
    def test_they_say_what_they_hide(self, browser: FlaskClient) -> None:
        page = shown(browser, "/roles")

        assert "Telesales" in page
        assert re.search(r'data-label="Hidden fields">\s*Phones', page)
        assert "Manager" in page

    def test_one_of_our_own_is_shown_to_be_changed(self, browser: FlaskClient) -> None:
        page = shown(browser, f"/roles/{ROLE}")

        assert chosen(page, "contacts.read") == "team"
        assert chosen(page, "contacts.write") == ""
        assert re.search(r'value="phones" checked', page)

    def test_one_of_the_systems_is_shown_and_not_changed(self, browser: FlaskClient) -> None:
        page = shown(browser, f"/roles/{BUILTIN}")

        assert "<select" not in page.partition('id="content"')[2]
        assert f"/roles/new?from={BUILTIN}" in page

    def test_a_copy_has_its_wildcards_resolved(self, browser: FlaskClient) -> None:
        page = shown(browser, f"/roles/new?from={BUILTIN}")

        assert chosen(page, "contacts.read") == "team"
        assert chosen(page, "contacts.delete") == ""
        assert chosen(page, "segments.read") == ""  # nobody owns them: less than all is nothing

    def test_it_is_stored_as_it_was_chosen(self, browser: FlaskClient, peers: Any) -> None:
        sent(
            browser,
            f"/roles/{ROLE}",
            name="Telesales",
            etag="4",
            hidden=["phones", "emails"],
            **{"contacts.read": "own", "segments.read": "all", "notes.read": "nonsense"},
        )

        role = peers.named("UpdateRole")[-1].request.role
        assert list(role.rights) == [
            Right(resource="contacts", action="read", level=user_pb2.LEVEL_OWN),
            Right(resource="segments", action="read", level=user_pb2.LEVEL_ALL),
        ]
        assert list(role.hidden_fields) == ["contacts.phones", "contacts.emails"]

    def test_nobody_gives_more_than_they_have(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["CreateRole"] = errors.PermissionDenied("RIGHT_MISSING", "more than own")

        assert sent(browser, "/roles/new", name="Root").status_code == 403

    def test_one_that_is_not_there_is_not_found(self, browser: FlaskClient) -> None:
        assert browser.get("/roles/0192f3a0-0000-7000-8000-0000000000ff").status_code == 404
        assert browser.get("/roles/new?from=nothing").status_code == 404


class TestLookingThroughARole:
    def test_the_browser_does_until_it_ends(self, browser: FlaskClient, peers: Any) -> None:
        session = peers.answers["ExchangeSession"]

        def exchange(asked: Any, _: Any) -> Any:
            answer = session_service_pb2.ExchangeSessionResponse()
            answer.CopyFrom(session)
            if asked.view_role_id:
                answer.viewed_as.name = "Telesales"
            return answer

        peers.answers["ExchangeSession"] = exchange
        assert sent(browser, "/view-as", role_id=ROLE).status_code == 303

        through = shown(browser, "/staff")
        assert "You are looking through the role Telesales" in through
        assert peers.named("ExchangeSession")[-1].request.view_role_id == ROLE
        assert sent(browser, "/view-as").status_code == 303
        assert "You are looking through" not in shown(browser, "/staff")

    def test_a_role_that_is_gone_is_ones_own_again(self, browser: FlaskClient, peers: Any) -> None:
        session = peers.answers["ExchangeSession"]
        gone = errors.NotFound("RESOURCE_MISSING", "gone", resource="role", id="x")
        peers.answers["ExchangeSession"] = lambda asked, _: gone if asked.view_role_id else session
        browser.set_cookie("mekong-view", "rubbish")

        assert "You are looking through" not in shown(browser, "/staff")

    def test_one_that_is_not_there_cannot_be_chosen(self, browser: FlaskClient) -> None:
        assert sent(browser, "/view-as", role_id="rubbish").status_code == 404

    def test_signing_out_forgets_every_view(self, gateway: Any, peers: Any, browser: Any) -> None:
        sessions = gateway.extensions["gateway"].sessions
        peers.answers["SignOut"] = empty_pb2.Empty()
        sessions.who("secret", ROLE)
        sessions.who("secret", ROLE)
        before = len(peers.named("ExchangeSession"))

        sessions.sign_out("secret")
        sessions.who("secret", ROLE)

        assert before == 1
        assert len(peers.named("ExchangeSession")) == 2
