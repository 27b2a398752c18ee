"""Follow-ups, reach and the merge of a story, as pure decisions."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import scope
from chassis.context import Level, Principal
from chassis.errors import FailedPrecondition, InvalidArgument
from services.interactions.domain import fields, follow_ups, timeline
from services.interactions.domain.follow_ups import FollowUp, Status, Type
from services.interactions.domain.timeline import Batch, Cursor, Entry, Kind, Message

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ME, OTHER, TEAM = UUID(int=1), UUID(int=2), UUID(int=3)


def entry(minute: int, number: int, kind: Kind = Kind.NOTE) -> Entry:
    return Entry(UUID(int=number + 1), NOON + timedelta(minutes=minute), kind, str(number))


def walked(
    local: Sequence[Entry], sent: Sequence[Message], size: int, silent_pages: int = 0
) -> list[Entry]:
    """Reads a whole story page by page, as the edge does; campaigns is silent at first."""
    cursor: Cursor | None = Cursor()
    shown: list[Entry] = []
    asked = 0
    while cursor is not None:
        batches = None if asked < silent_pages else fetched(sent, cursor, size + 1)
        page = timeline.merge(cursor, before(local, cursor, size + 1), batches, size)
        shown += page.entries
        cursor, asked = page.cursor, asked + 1
    return shown


def before(local: Sequence[Entry], cursor: Cursor, limit: int) -> list[Entry]:
    listed = sorted(local, key=lambda each: (each.time, each.id), reverse=True)
    place = cursor.before
    return [each for each in listed if place is None or (each.time, each.id) < place][:limit]


def fetched(sent: Sequence[Message], cursor: Cursor, limit: int) -> list[Batch]:
    if cursor.exhausted:
        return []
    batches: list[Batch] = []
    token = cursor.token
    while True:
        start = int(token or 0)
        end = start + limit
        following = str(end) if end < len(sent) else ""
        batches.append(Batch(token, sent[start:end], following))
        token = following
        if not token or len(timeline.unseen(batches, cursor.after_key)) >= limit:
            return batches


class TestMerge:
    @given(
        st.lists(st.integers(0, 30), max_size=12),
        st.lists(st.integers(0, 30), max_size=12),
        st.integers(1, 6),
    )
    def test_every_entry_is_shown_once_whatever_the_page_and_the_order_of_campaigns(
        self, noted: list[int], sent_at: list[int], size: int
    ) -> None:
        local = [entry(minute, number) for number, minute in enumerate(noted)]
        sent = [
            Message(f"run-{number}", entry(minute, 100 + number, Kind.MESSAGE))
            for number, minute in enumerate(sent_at)
        ]

        shown = walked(local, sent, size)

        assert sorted(each.id for each in shown) == sorted(
            [*(each.id for each in local), *(each.entry.id for each in sent)]
        )
        ours = [each for each in shown if each.kind is Kind.NOTE]
        assert ours == sorted(local, key=lambda each: (each.time, each.id), reverse=True)
        theirs = [each.id for each in shown if each.kind is Kind.MESSAGE]
        assert theirs == [each.entry.id for each in sent]

    def test_messages_that_come_in_order_are_shown_in_order(self) -> None:
        local = [entry(minute, minute) for minute in (1, 3, 5)]
        sent = [Message(str(m), entry(m, 100 + m, Kind.MESSAGE)) for m in (6, 4, 2)]

        minutes = [(each.time - NOON).seconds // 60 for each in walked(local, sent, 2)]

        assert minutes == [6, 5, 4, 3, 2, 1]

    def test_a_source_that_answers_late_loses_nothing(self) -> None:
        local = [entry(minute, minute) for minute in range(4)]
        sent = [Message("m", entry(3, 100, Kind.MESSAGE))]

        shown = walked(local, sent, 2, silent_pages=1)

        assert len(shown) == 5

    def test_the_same_fact_has_the_same_id(self) -> None:
        first = timeline.fact_id(Kind.TRANSACTION, "t1")

        assert first == timeline.fact_id(Kind.TRANSACTION, "t1")
        assert first != timeline.fact_id(Kind.CONVERTED, "t1")


class TestScope:
    @pytest.mark.parametrize(
        ("level", "owners", "team", "creator", "covered"),
        [
            (Level.ALL, (), None, "", True),
            (Level.NONE, (ME,), TEAM, str(ME), False),
            (Level.OWN, (ME,), None, "", True),
            (Level.OWN, (OTHER,), None, str(ME), True),
            (Level.OWN, (OTHER,), TEAM, "", False),
            (Level.TEAM, (OTHER,), TEAM, "", True),
            (Level.TEAM, (OTHER,), UUID(int=4), "", False),
            (Level.TEAM, (OTHER,), None, "", False),
            (Level.TEAM, (ME,), None, "", True),
        ],
    )
    def test_it_covers_own_teams_or_all(
        self,
        level: Level,
        owners: tuple[UUID, ...],
        team: UUID | None,
        creator: str,
        covered: bool,
    ) -> None:
        reach = scope.of(Principal(str(ME), "user", str(TEAM)), level)

        assert reach.covers(owners, team, creator) is covered

    def test_nobody_without_a_team_reaches_what_has_none(self) -> None:
        reach = scope.of(Principal(str(ME), "user"), Level.TEAM)

        assert not reach.covers((OTHER,), None)


class TestFollowUp:
    def kept(self, status: Status = Status.OPEN) -> FollowUp:
        return FollowUp(
            id=uuid4(),
            revision=1,
            title="t",
            type=Type.CALL,
            status=status,
            contact_id=uuid4(),
            assignee_ids=(ME,),
            start_time=NOON,
            end_time=NOON + timedelta(minutes=45),
            time_zone="Asia/Ho_Chi_Minh",
            description="",
            outcome="",
            category="",
            team_id=None,
            creator_id="c",
            create_time=NOON,
            update_time=NOON,
            close_time=None,
        )

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
    def test_a_closed_one_moves_nowhere(self, status: Status) -> None:
        with pytest.raises(FailedPrecondition):
            self.kept(status).must_be_pending("changed")

    @pytest.mark.parametrize(
        ("changed", "end"),
        [
            ({"start_time": NOON + timedelta(hours=1)}, NOON + timedelta(minutes=105)),
            ({"end_time": None}, NOON + timedelta(minutes=30)),
            ({"end_time": NOON}, NOON),
        ],
    )
    def test_the_end_follows_the_start(
        self, changed: dict[str, datetime | None], end: datetime
    ) -> None:
        problems = fields.Problems()
        columns: dict[str, object] = dict(changed)

        follow_ups.with_end(columns, self.kept(), problems)

        problems.raise_if_any()
        assert columns["end_time"] == end

    def test_a_start_moved_behind_a_given_end_is_refused(self) -> None:
        problems = fields.Problems()
        columns: dict[str, object] = {"start_time": NOON, "end_time": NOON - timedelta(seconds=1)}

        follow_ups.with_end(columns, None, problems)

        with pytest.raises(InvalidArgument):
            problems.raise_if_any()

    def test_two_contacts_need_a_message(self) -> None:
        problems = fields.Problems()

        columns = follow_ups.columns({"contact_ids": [str(ME), str(OTHER)]}, problems)
        follow_ups.with_audience(columns, None, problems)

        with pytest.raises(InvalidArgument) as refusal:
            problems.raise_if_any()
        assert [it.field for it in refusal.value.violations] == ["follow_up.contact_ids"]
