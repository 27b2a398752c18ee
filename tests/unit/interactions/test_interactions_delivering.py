"""Deliveries and the messages of follow-ups, as pure decisions."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from crm.notifier.v1 import message_pb2
from crm.notifier.v1 import message_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from services.interactions import admission
from services.interactions.domain import deliveries as rules
from services.interactions.domain import messages, rendering
from services.interactions.domain.deliveries import Delivery, Key, News, Standing, State
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import Status
from services.interactions.domain.messages import Channel
from services.interactions.messages import deliveries, outgoing

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = Key(UUID(int=1), UUID(int=2))
MESSAGE = UUID(int=3)
STATES = st.sampled_from(list(State))
NEWS = st.builds(
    News,
    state=st.sampled_from([State.SENT, State.DELIVERED, State.FAILED, State.IN_DOUBT]),
    message_id=st.just(MESSAGE),
    revision=st.integers(2, 6),
)


def waiting(**changes: object) -> Delivery[Key]:
    given = {
        "key": KEY,
        "state": State.WAITING,
        "reason": "",
        "rule": "",
        "message_id": None,
        "claim": 7,
        "tries": 1,
        "revision": 0,
        "due_time": NOON,
        "update_time": NOON,
        **changes,
    }
    return Delivery(**given)  # type: ignore[arg-type]


class TestNews:
    @given(st.lists(NEWS, min_size=1, max_size=6, unique_by=lambda it: it.revision), st.data())
    def test_any_order_twice_gives_the_newest(self, news: list[News], data: st.DataObject) -> None:
        shuffled = data.draw(st.permutations([*news, *news]))
        place = data.draw(st.integers(0, len(shuffled)))
        taken = News(State.HANDED_OVER, message_id=MESSAGE, revision=1)
        kept = waiting()
        for at, told in enumerate([*shuffled[:place], None, *shuffled[place:]]):
            del at
            after = rules.told(kept, told) if told else rules.recorded(kept, 7, taken)
            kept = after or kept

        newest = max(news, key=lambda it: it.revision)
        assert (kept.state, kept.revision) == (newest.state, newest.revision)

    def test_a_record_under_another_claim_is_out_of_date(self) -> None:
        assert rules.recorded(waiting(), 6, News(State.SKIPPED)) is None

    def test_what_was_skipped_here_stays_unless_the_notifier_has_it(self) -> None:
        skipped = waiting(state=State.SKIPPED, reason="CANCELLED")

        assert rules.recorded(skipped, 7, News(State.SKIPPED, "NO_ADDRESS")) is None
        taken = rules.recorded(skipped, 7, News(State.HANDED_OVER, message_id=MESSAGE))
        assert taken is not None
        assert taken.state is State.HANDED_OVER


class TestProgress:
    @given(st.lists(st.lists(STATES, min_size=1, max_size=5), min_size=1, max_size=5))
    def test_it_always_sums_to_the_contacts(self, ways: list[list[State]]) -> None:
        standing = Standing(Status.OPEN, rules.planned(len(ways)), "", True)
        for way in ways:
            for before, after in zip([State.WAITING, *way], way, strict=False):
                standing = rules.after(standing, [(before, after)])
                assert sum(standing.progress.values()) == len(ways)
                assert min(standing.progress.values()) >= 0

    def test_a_cancelled_one_is_never_completed(self) -> None:
        standing = Standing(Status.CANCELLED, rules.planned(1), "bận", True)

        after = rules.after(standing, [(State.WAITING, State.SENT)])

        assert (after.status, after.outcome) == (Status.CANCELLED, "bận")

    def test_what_somebody_wrote_stays(self) -> None:
        standing = Standing(Status.COMPLETED, {**rules.planned(0), "sent": 1}, "xong", True)

        after = rules.after(standing, [(State.SENT, State.FAILED)])

        assert after.outcome == "xong"


class TestLate:
    @pytest.mark.parametrize(
        ("late", "after", "tries", "expected"),
        [
            (None, timedelta(days=9), 1, False),
            (timedelta(hours=1), timedelta(minutes=59), 1, False),
            (timedelta(hours=1), timedelta(minutes=61), 1, True),
            (timedelta(hours=1), timedelta(minutes=61), 2, False),
        ],
    )
    def test_only_at_the_first_try(
        self, late: timedelta | None, after: timedelta, tries: int, expected: bool
    ) -> None:
        assert rules.is_too_late(late, NOON, NOON + after, tries) is expected


class TestAnswers:
    @pytest.mark.parametrize(
        ("refusal", "expected"),
        [
            (pb.SendRefusal(reason="REQUEST_ID_REUSED"), (State.HANDED_OVER, "")),
            (
                pb.SendRefusal(reason="FIELDS_INVALID", fields=["not_after"]),
                (State.SKIPPED, "TOO_LATE"),
            ),
            (
                pb.SendRefusal(reason="FIELDS_INVALID", fields=["address", "not_after"]),
                (State.SKIPPED, "ADDRESS_INVALID"),
            ),
            (pb.SendRefusal(reason="RESOURCE_MISSING"), (State.FAILED, "SENDER_MISSING")),
            (
                pb.SendRefusal(reason="FIELDS_INVALID", fields=["text"]),
                (State.FAILED, "FIELDS_INVALID"),
            ),
        ],
    )
    def test_each_refusal_says_what_it_means(
        self, refusal: pb.SendRefusal, expected: tuple[State, str]
    ) -> None:
        news = outgoing.news(pb.SendResult(refusal=refusal))

        assert (news.state, news.reason) == expected

    def test_every_state_of_the_notifier_has_a_meaning(self) -> None:
        for state in message_pb2.MessageState.values():
            message = message_pb2.Message(id=str(MESSAGE), state=state)
            if state:
                deliveries.news(message)
            else:
                with pytest.raises(ValueError, match="unknown"):
                    deliveries.news(message)


class TestMessage:
    def test_what_is_kept_comes_back(self) -> None:
        given = {
            "purpose": "care",
            "advertiser_id": str(UUID(int=4)),
            "sender_identity_id": str(UUID(int=5)),
            "subject": "s",
            "html": "<p>x</p>",
            "text": "",
            "skip_if_later": timedelta(hours=2),
        }
        message = messages.checked(given, Channel.EMAIL, "m", Problems())

        assert message is not None
        assert messages.loaded(messages.stored(message)) == message


class TestRendering:
    def test_values_are_escaped_in_html_alone_and_capped(self) -> None:
        renderer = rendering.Renderer(
            {"subject": "{{ display_name }}", "html": "{{ display_name }}"}, {}
        )

        shown = renderer.render({"display_name": "<b>\nAn"})

        assert shown == {"subject": "<b> An", "html": "&lt;b&gt;\nAn"}
        assert len(renderer.render({"display_name": "x" * 999})["html"]) == 200

    def test_an_undefined_value_leaves_room_for_a_default(self) -> None:
        renderer = rendering.Renderer({"text": "{{ given_name | default('bạn') }}"}, {})

        assert renderer.render({"given_name": ""}) == {"text": "bạn"}

    @pytest.mark.parametrize("text", ["{% if company %}x{% endif %}", "{{ 1 // 0 }}"])
    def test_what_says_nothing_or_fails_is_refused(self, text: str) -> None:
        with pytest.raises(rendering.Refused):
            rendering.Renderer({"text": text}, {}).render({})

    def test_a_job_that_does_not_parse_names_its_part_and_line(self) -> None:
        job = {"parts": {"text": "\n{{ x"}, "limits": {}, "values": [{}]}

        assert admission.perform(job)["refusal"]["field"] == "text"
        assert admission.perform(job)["refusal"]["line"] == 2
