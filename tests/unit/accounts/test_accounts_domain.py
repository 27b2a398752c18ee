"""Rights, waits, keys, names and the chain, as pure decisions."""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import sealing
from chassis.context import Level
from chassis.errors import InvalidArgument
from services.accounts.domain import chain, fields, lockout, rights, signing
from services.accounts.domain.lockout import Failures

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PERIOD = timedelta(days=30)

levels = st.sampled_from([level.value for level in Level])
some_rights = st.dictionaries(
    st.sampled_from([*rights.RESOURCES, "*"]),
    st.dictionaries(st.sampled_from([*rights.ACTIONS, "*"]), levels, max_size=4),
    max_size=6,
)


class TestRights:
    @pytest.mark.parametrize(
        ("granted", "level"),
        [
            ({"*": {"*": "all"}}, Level.ALL),
            ({"*": {"*": "all"}, "contacts": {"*": "own"}}, Level.OWN),
            ({"*": {"read": "team"}, "contacts": {"*": "none"}}, Level.NONE),
            ({"*": {"*": "all", "read": "team"}}, Level.TEAM),
            ({"contacts": {"*": "all", "read": "none"}}, Level.NONE),
            ({"notes": {"read": "all"}}, Level.NONE),
            ({}, Level.NONE),
        ],
    )
    def test_the_most_precise_one_counts(self, granted: rights.Rights, level: Level) -> None:
        assert rights.level(granted, "contacts", "read") is level

    @pytest.mark.parametrize(
        ("granted", "level"),
        [
            ({"*": {"*": "team"}}, Level.NONE),
            ({"segments": {"*": "own"}}, Level.NONE),
            ({"*": {"*": "team"}, "segments": {"read": "all"}}, Level.ALL),
            ({"*": {"*": "all"}}, Level.ALL),
        ],
    )
    def test_of_what_nobody_owns_there_is_all_or_nothing(
        self, granted: rights.Rights, level: Level
    ) -> None:
        assert rights.level(granted, "segments", "read") is level

    def test_roles_that_come_with_the_system_say_nothing_that_counts_for_nothing(self) -> None:
        for granted in rights.BUILTIN.values():
            for resource, actions in granted.items():
                assert all(rights.fits(resource, Level(it)) for it in actions.values())

    @given(some_rights)
    def test_tokens_carry_the_same_without_wildcards(self, granted: rights.Rights) -> None:
        plain = rights.expanded(granted)

        assert "*" not in plain
        for resource in rights.RESOURCES:
            for action in rights.ACTIONS:
                carried = Level(plain.get(resource, {}).get(action, "none"))
                assert carried is rights.level(granted, resource, action)

    @given(some_rights)
    def test_nobody_is_beyond_themselves_nor_beyond_an_admin(self, granted: rights.Rights) -> None:
        assert rights.beyond(granted, lambda *at: rights.level(granted, *at)) is None
        assert rights.beyond(granted, lambda *_: Level.ALL) is None

    @given(some_rights, some_rights)
    def test_through_a_role_one_reads_what_both_may_and_changes_nothing(
        self, own: rights.Rights, other: rights.Rights
    ) -> None:
        seen = rights.seen_through(own, other)

        for resource in rights.RESOURCES:
            both = [rights.level(it, resource, "read") for it in (own, other)]
            assert rights.level(seen, resource, "read") is min(both)
        assert all(set(actions) == {"read"} for actions in seen.values())

    @pytest.mark.parametrize(
        ("granted", "level"),
        [
            ({"*": {"*": "all"}}, Level.ALL),
            ({"contacts": {"erase": "team"}}, Level.TEAM),
            ({"*": {"erase": "all"}}, Level.ALL),
            ({"contacts": {"*": "all"}}, Level.NONE),
            ({"contacts": {"*": "team"}, "*": {"*": "all"}}, Level.NONE),
            ({"*": {"*": "team"}}, Level.NONE),
        ],
    )
    def test_what_nobody_undoes_is_named_or_everything(
        self, granted: rights.Rights, level: Level
    ) -> None:
        assert rights.level(granted, "contacts", "erase") is level

    def test_of_the_roles_that_come_with_the_system_the_administrator_alone_erases(self) -> None:
        erasing = {
            name
            for name, granted in rights.BUILTIN.items()
            if any(rights.level(granted, it, "erase") is not Level.NONE for it in rights.RESOURCES)
        }

        assert erasing == {rights.ADMIN}

    def test_administrators_take_all_contacts_away_and_managers_those_of_their_team(self) -> None:
        found = {
            name: rights.level(granted, "contacts", "export")
            for name, granted in rights.BUILTIN.items()
        }

        assert {name: it for name, it in found.items() if it is not Level.NONE} == {
            "admin": Level.ALL,
            "manager": Level.TEAM,
        }

    def test_sales_see_their_own_contacts_and_no_campaigns(self) -> None:
        sales = rights.BUILTIN["sales"]

        assert rights.level(sales, "contacts", "write") is Level.OWN
        assert rights.level(sales, "campaigns", "read") is Level.NONE


class TestWaits:
    def known(self, failures: int = 0) -> Failures:
        return Failures("k", failures, NOW, NOW)

    def test_the_first_failures_are_free_and_then_each_doubles_the_wait(self) -> None:
        known, waits = self.known(), []
        for _ in range(9):
            known = lockout.charged(known, NOW, free=5)
            waits.append(lockout.wait(known, NOW))

        assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16]

    def test_the_wait_is_never_longer_than_a_quarter_of_an_hour(self) -> None:
        assert lockout.wait(lockout.charged(self.known(10_000), NOW, 5), NOW) == 900

    def test_after_an_hour_it_is_forgotten(self) -> None:
        later = NOW + timedelta(minutes=61)

        assert lockout.charged(self.known(50), later, 5).failures == 1

    def test_all_together_wait_for_the_next_minute(self) -> None:
        known = self.known()
        for _ in range(3):
            known = lockout.charged_to_all(known, NOW + timedelta(seconds=20), per_minute=3)

        assert lockout.wait(known, NOW + timedelta(seconds=20)) == 40
        fresh = lockout.charged_to_all(known, NOW + timedelta(seconds=61), per_minute=3)
        assert fresh.failures == 1

    def test_no_address_shows_in_a_key(self) -> None:
        assert "lan" not in lockout.account_key("lan@mekong.example")


class TestSigningKeys:
    def test_the_first_start_makes_one_for_now_and_one_for_after(self) -> None:
        now_key, next_key = signing.missing([], NOW, PERIOD)

        assert (now_key.sign_from, next_key.sign_from) == (NOW, NOW + PERIOD)
        assert signing.missing([now_key, next_key], NOW, PERIOD) == []

    def test_the_next_is_known_a_period_before_it_signs(self) -> None:
        keys = signing.missing([], NOW, PERIOD)
        turn = NOW + PERIOD

        (added,) = signing.missing(keys, turn, PERIOD)

        assert signing.signing([*keys, added], turn) == keys[1]
        assert added.sign_from == turn + PERIOD

    def test_after_a_long_stop_a_key_signs_at_once(self) -> None:
        keys = signing.missing([], NOW, PERIOD)
        late = NOW + 5 * PERIOD

        made = signing.missing(keys, late, PERIOD)

        assert signing.signing([*keys, *made], late) == made[0]

    def test_a_clock_that_is_behind_signs_with_the_oldest(self) -> None:
        keys = signing.missing([], NOW, PERIOD)

        assert signing.signing(keys, NOW - timedelta(hours=2)) == keys[0]
        assert signing.signing([], NOW) is None

    def test_a_private_key_shows_in_no_text(self) -> None:
        key = signing.generate(NOW, PERIOD)

        assert "private" not in repr(key)


class TestSealing:
    def test_it_opens_for_its_own_place_and_key_only(self) -> None:
        key = sealing.new_key()
        sealed = sealing.seal(key, b"plain", "a")

        assert sealing.unseal(key, sealed, "a") == b"plain"
        for wrong in ((key, sealed, "b"), (sealing.new_key(), sealed, "a"), (key, b"", "a")):
            with pytest.raises(sealing.SealBroken):
                sealing.unseal(*wrong)


class TestFields:
    @pytest.mark.parametrize(
        "email", ["a@b.vn", "nguyễn.a@công-ty.vn", "a+b_c@mail.example.com", "x'y@a.co"]
    )
    def test_addresses_people_have_are_taken(self, email: str) -> None:
        problems = fields.Problems()

        columns = fields.user_columns({"email": f" {email} "}, problems)

        problems.raise_if_any()
        assert columns["email"] == email

    @pytest.mark.parametrize("email", ["", "a", "a@b", "a b@c.vn", "a@b..vn", "a@-b.vn", "a@b.v1"])
    def test_others_are_not(self, email: str) -> None:
        problems = fields.Problems()

        fields.user_columns({"email": email}, problems)

        with pytest.raises(InvalidArgument):
            problems.raise_if_any()

    def test_names_are_ordered_by_letters_before_accents(self) -> None:
        names = ["Đạt", "Dũng", "Ánh", "An", "Ân"]

        assert sorted(names, key=fields.sort_key) == ["An", "Ân", "Ánh", "Đạt", "Dũng"]

    def test_the_same_password_typed_in_composed_and_decomposed_letters_is_one(self) -> None:
        typed = "mật khẩu"
        decomposed = unicodedata.normalize("NFD", typed)

        assert decomposed != typed
        assert fields.password(decomposed) == fields.password(typed)


class TestChain:
    ENTRY = chain.Entry(
        sequence=1,
        id="i",
        time=NOW,
        service="leads",
        actor_id="ab",
        actor_kind="c",
        acting_service="",
        action="contact.update",
        subject_type="contact",
        subject_id="1",
        request_id="r",
        key_id=UUID(int=1),
        sealed=b"s",
        previous_hash=chain.FIRST,
    )

    def test_the_same_moment_in_another_zone_is_the_same_entry(self) -> None:
        shifted = replace(self.ENTRY, time=NOW.astimezone(tz=None))

        assert chain.link(shifted) == chain.link(self.ENTRY)

    def test_moving_a_letter_between_fields_changes_the_hash(self) -> None:
        moved = replace(self.ENTRY, actor_id="a", actor_kind="bc")

        assert chain.link(moved) != chain.link(self.ENTRY)


class TestWindows:
    def test_so_many_go_in_a_window_and_the_next_waits_for_its_end(self) -> None:
        window, known = timedelta(minutes=15), Failures("k", 0, NOW, NOW)
        waits = []
        for second in range(3):
            at = NOW + timedelta(seconds=second)
            waits.append(lockout.wait(known, at))
            known = lockout.charged_within(known, at, 3, window)

        assert waits == [0, 0, 0]
        assert lockout.wait(known, NOW + timedelta(seconds=10)) == 15 * 60 - 10
        assert lockout.wait(known, NOW + window) == 0

    @pytest.mark.parametrize("of", [lockout.RESETS, lockout.CODES], ids=lambda it: it.kind)
    def test_requests_for_messages_lock_nobody_out(self, of: lockout.Requests) -> None:
        keys = set(lockout.request_keys(of, "lan@mekong.example", "198.51.100.1"))

        assert keys.isdisjoint(
            {lockout.account_key("lan@mekong.example"), lockout.address_key("198.51.100.1")}
        )
        assert not any("lan" in it for it in keys)
