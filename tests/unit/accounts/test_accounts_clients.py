"""Secrets of programs over time, and the scopes of their tokens."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from services.accounts.domain import clients, lockout, rights, scopes, secrets
from services.accounts.domain.clients import State
from services.accounts.domain.people import ApiClient, ClientSecret

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GRANTED = {"contacts": {"read": "team", "write": "own"}, "campaigns": {"*": "all"}}


def client(*kept: ClientSecret, **changed: object) -> ApiClient:
    given: dict[str, object] = {
        "id": UUID(int=1),
        "revision": 1,
        "name": "Shop",
        "rights": GRANTED,
        "active": True,
        "create_time": NOW - 90 * DAY,
        "last_use_time": None,
        "expire_time": None,
        "requests_per_minute": 0,
        "secrets": kept or [secret("first", used=NOW)],
    }
    return ApiClient(**{**given, **changed})  # type: ignore[arg-type]


def secret(text: str, used: datetime | None = None, ends: datetime | None = None) -> ClientSecret:
    return ClientSecret(secrets.digest(text), NOW - 90 * DAY, used, ends)


class TestState:
    @pytest.mark.parametrize(
        ("active", "ends", "state"),
        [
            (True, None, State.ACTIVE),
            (True, NOW + DAY, State.ACTIVE),
            (True, NOW, State.EXPIRED),
            (False, None, State.REVOKED),
            (False, NOW - DAY, State.REVOKED),
        ],
    )
    def test_it_is_active_until_its_end_or_revoked(
        self, active: bool, ends: datetime | None, state: State
    ) -> None:
        assert clients.state(client(active=active, expire_time=ends), NOW) is state


class TestRotation:
    def test_the_one_in_use_lives_on_for_a_while(self) -> None:
        program = client(secret("old", used=NOW))

        kept = clients.rotated(program, secrets.digest("new"), NOW, DAY)

        later = client(*kept)
        before_its_end = NOW + DAY - timedelta(seconds=1)
        assert clients.proven(later, "new", NOW + 90 * DAY) == kept[0]
        assert clients.proven(later, "old", before_its_end) == kept[1]
        assert clients.proven(later, "old", NOW + DAY) is None

    def test_of_no_time_it_ends_at_once(self) -> None:
        kept = clients.rotated(client(), secrets.digest("new"), NOW, timedelta(0))

        assert [it.hash for it in kept] == [secrets.digest("new")]

    def test_a_third_takes_the_place_of_the_oldest(self) -> None:
        program = client(secret("second", used=NOW), secret("first", used=NOW, ends=NOW + DAY))

        kept = clients.rotated(program, secrets.digest("third"), NOW, DAY)

        assert [it.hash for it in kept] == [secrets.digest("third"), secrets.digest("second")]

    def test_one_that_nobody_used_does_not_push_out_the_one_in_use(self) -> None:
        program = client(secret("lost"), secret("in use", used=NOW, ends=NOW + DAY))

        kept = clients.rotated(program, secrets.digest("again"), NOW, 2 * DAY)

        assert [it.hash for it in kept] == [secrets.digest("again"), secrets.digest("in use")]
        assert kept[1].expire_time == NOW + 2 * DAY

    def test_one_that_nobody_used_lives_on_when_there_is_no_other(self) -> None:
        program = client(secret("handed out"), secret("gone", used=NOW, ends=NOW - DAY))

        kept = clients.rotated(program, secrets.digest("new"), NOW, DAY)

        assert kept[1].hash == secrets.digest("handed out")


class TestProof:
    @pytest.mark.parametrize("changed", [{"active": False}, {"expire_time": NOW}])
    def test_a_right_secret_of_one_that_ended_proves_nothing(
        self, changed: dict[str, object]
    ) -> None:
        assert clients.proven(client(**changed), "first", NOW) is None  # type: ignore[arg-type]

    def test_nobody_proves_nothing(self) -> None:
        assert clients.proven(None, "first", NOW) is None


class TestScope:
    def test_without_one_it_is_all_that_the_client_has(self) -> None:
        assert scopes.narrowed(GRANTED, " ") == rights.expanded(GRANTED)

    def test_a_right_reaches_as_far_as_the_clients_or_less_far_when_it_says_so(self) -> None:
        found = scopes.narrowed(GRANTED, "contacts.read:own campaigns.start contacts.write")

        assert found == {
            "contacts": {"read": "own", "write": "own"},
            "campaigns": {"start": "all"},
        }

    @pytest.mark.parametrize(
        "scope",
        [
            *("contacts.delete", "contacts.read:all", "audit.read"),
            *("contact.read", "contacts.see", "contacts", "contacts.*", "*.read"),
            *("contacts.read:none", "contacts.read:", "contacts.read:most", "segments.read:own"),
            *("campaigns.read:own:x", "openid", "contacts.read\x00"),
        ],
    )
    def test_what_is_unknown_or_more_is_refused(self, scope: str) -> None:
        with pytest.raises(errors.InvalidArgument) as refused:
            scopes.narrowed(GRANTED, f"contacts.read {scope}")

        assert refused.value.reason == "SCOPE_INVALID"
        assert [it.field for it in refused.value.violations] == ["scope"]

    def test_one_of_everybodys_things_may_be_less_only_by_not_naming_it(self) -> None:
        with pytest.raises(errors.InvalidArgument):
            scopes.narrowed({"segments": {"read": "all"}}, "segments.read:own")

    def test_what_is_told_as_granted_asks_for_the_same_again(self) -> None:
        granted = rights.expanded(GRANTED)

        assert scopes.narrowed(GRANTED, scopes.text(granted)) == granted

    @given(st.text(max_size=40))
    def test_no_text_gives_more_than_the_client_has(self, scope: str) -> None:
        try:
            found = scopes.narrowed(GRANTED, scope)
        except errors.InvalidArgument:
            return

        for resource, actions in found.items():
            for action, reach in actions.items():
                assert rights.level(GRANTED, resource, action) >= reach


class TestKeys:
    def test_wrong_secrets_of_programs_count_apart_from_peoples_passwords(self) -> None:
        peoples = {lockout.account_key("a"), lockout.address_key("10.0.0.1")}

        assert not peoples & set(lockout.program_keys("a", "10.0.0.1"))
