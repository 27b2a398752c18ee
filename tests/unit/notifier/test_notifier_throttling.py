"""Domains are served at their limits, slower after they complain, and never in each other's way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.notifier.domain.throttling import Domains, at_once, limits
from tests.integration.notifier.notifier_parts import make_settings


def sent(domains: Domains, domain: str, seconds: float, *, per_second: int = 100) -> int:
    """How many go of so many that ask, all but those who went asking again and again."""
    asked = [round(n / per_second, 4) for n in range(int(seconds * per_second))]
    return sum(not domains.put_off(f"a@{domain}", at, 0.5) for at in asked)


class TestLimits:
    def test_the_table_is_read(self) -> None:
        assert limits("gmail.com=20/s,mail.yahoo.com=5/s") == {
            "gmail.com": 20.0,
            "mail.yahoo.com": 5.0,
        }
        assert limits("") == {}

    @pytest.mark.parametrize(
        "text", ["gmail.com", "gmail.com=20", "gmail.com=0/s", "=5/s", "a.b=1/s,", "a.b=1/s c=2/s"]
    )
    def test_what_is_no_table_is_refused_when_the_process_starts(self, text: str) -> None:
        with pytest.raises(ValidationError):
            make_settings("postgresql+psycopg://x@h/x", email_domain_limits=text)

    def test_the_table_of_those_at_once_is_read(self) -> None:
        assert at_once("gmail.com=10,mail.yahoo.com=5") == {"gmail.com": 10, "mail.yahoo.com": 5}
        assert at_once("") == {}

    @pytest.mark.parametrize("text", ["gmail.com", "gmail.com=0", "=5", "a.b=1/s", "a.b=10000"])
    def test_what_is_no_such_table_is_refused_when_the_process_starts(self, text: str) -> None:
        with pytest.raises(ValidationError):
            make_settings("postgresql+psycopg://x@h/x", email_domain_at_once=text)

    def test_a_domain_gets_no_more_than_its_limit_and_no_less(self) -> None:
        domains = Domains({"gmail.com": 20.0})

        assert 20 * 10 <= sent(domains, "gmail.com", 10.0) <= 20 * 11

    def test_another_domain_does_not_wait(self) -> None:
        domains = Domains({"gmail.com": 1.0})
        sent(domains, "gmail.com", 5.0)

        assert sent(domains, "example.vn", 5.0) == 500

    def test_replicas_share_a_limit(self) -> None:
        domains = Domains({"gmail.com": 20.0})
        domains.share = 0.5

        assert 100 <= sent(domains, "gmail.com", 10.0) <= 111

    def test_who_waits_is_put_off_for_as_long_as_others_stand_before(self) -> None:
        domains = Domains({"gmail.com": 10.0})

        waits = [domains.put_off("a@gmail.com", 0.0, 0.5) for _ in range(2_000)]

        assert waits[0] == 0.0
        assert 90 < waits[1_000] < 110
        assert max(waits) <= 600 * 1.25
        assert min(it for it in waits if it) >= 0.75

    def test_what_belongs_to_no_run_goes_and_counts(self) -> None:
        domains = Domains({"gmail.com": 5.0})
        for _ in range(10):
            assert domains.put_off("a@gmail.com", 0.0, 0.5, urgent=True) == 0.0

        assert domains.put_off("a@gmail.com", 0.5, 0.5) > 0


class TestComplaints:
    def test_a_domain_that_complains_is_left_alone_and_others_are_not(self) -> None:
        domains = Domains({})
        domains.complained("a@slow.vn", 0.0)

        assert domains.put_off("b@slow.vn", 0.1, 0.5) > 0
        assert domains.put_off("b@fast.vn", 0.1, 0.5) == 0.0
        assert domains.slowed() == 1

    def test_the_more_it_complains_the_longer_it_is_left_alone(self) -> None:
        domains, closed = Domains({}), []
        at = 0.0
        for _ in range(4):
            domains.complained("a@slow.vn", at)
            before = at
            while domains.put_off("a@slow.vn", at, 0.5):
                at += 0.5
            closed.append(at - before)

        assert closed == sorted(closed)
        assert closed[-1] > 2 * closed[0]

    def test_it_is_served_as_before_after_it_was_calm(self) -> None:
        domains = Domains({})
        domains.complained("a@slow.vn", 0.0)

        assert domains.put_off("a@slow.vn", 3_600.0, 0.5) == 0.0
        assert domains.slowed() == 0
        assert sum(not domains.put_off("a@slow.vn", 3_600.0, 0.5) for _ in range(500)) == 500

    def test_complaints_of_what_was_on_its_way_count_once(self) -> None:
        one, many = Domains({}), Domains({})
        one.complained("a@slow.vn", 0.0)
        for _ in range(50):
            many.complained("a@slow.vn", 0.0)

        assert many.put_off("a@slow.vn", 0.1, 0.5) == one.put_off("a@slow.vn", 0.1, 0.5)

    @given(
        st.lists(st.tuples(st.sampled_from(["ask", "complain"]), st.floats(0, 50)), max_size=60),
        st.sampled_from([0.0, 5.0]),
    )
    def test_nobody_waits_for_ever(self, steps: list[tuple[str, float]], limit: float) -> None:
        domains, at = Domains({"a.vn": limit} if limit else {}), 0.0
        for step, passed in steps:
            at += passed
            if step == "complain":
                domains.complained("x@a.vn", at)
            else:
                assert 0 <= domains.put_off("x@a.vn", at, 0.99) <= 600 * 1.25

        assert domains.put_off("x@a.vn", at + 1_000, 0.5) == 0.0
