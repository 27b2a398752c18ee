"""What news of a letter mean for its proposal, and which news are of a letter."""

from dataclasses import fields
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.notifier.v1 import events_pb2, message_pb2

from services.interactions.domain.proposals import fates
from services.interactions.domain.proposals.events import Errand, Happened, LetterKey
from services.interactions.domain.proposals.fates import Fate, News
from services.interactions.domain.proposals.proposals import Proposal
from services.interactions.messages import letters

ID = UUID(int=7)


def proposal(**known: Any) -> Proposal:
    unset: dict[str, Any] = {it.name: None for it in fields(Proposal)}
    return Proposal(**{**unset, "send_failure": "", **known})


def news(
    request_id: str, state: int = message_pb2.MESSAGE_STATE_FAILED, **more: Any
) -> events_pb2.SettledMessage:
    message = message_pb2.Message(id=str(ID), state=state, revision=4, reason="THROTTLED")  # type: ignore[arg-type]
    given = {"caller": "interactions", **more}
    return events_pb2.SettledMessage(message=message, request_id=request_id, **given)


class TestConsequence:
    @pytest.mark.parametrize(
        ("kept", "kind", "before", "fate", "happened", "failure"),
        [
            ({}, Errand.INVITATION, Fate.SENT, Fate.FAILED, Happened.FAILED, "failed"),
            ({}, Errand.INVITATION, Fate.SENT, Fate.SKIPPED, Happened.SKIPPED, "skipped"),
            ({}, Errand.INVITATION, Fate.BOUNCED, Fate.BOUNCED, None, "bounced"),
            ({}, Errand.INVITATION, Fate.ON_ITS_WAY, Fate.SENT, None, ""),
            ({"view_time": 1}, Errand.INVITATION, Fate.SENT, Fate.BOUNCED, Happened.BOUNCED, ""),
            (
                *({"send_failure": "in_doubt"}, Errand.INVITATION, Fate.IN_DOUBT),
                *(Fate.SENT, Happened.WENT, ""),
            ),
            (
                *({"send_failure": "in_doubt"}, Errand.INVITATION, Fate.IN_DOUBT),
                *(Fate.ON_ITS_WAY, None, ""),
            ),
            ({}, Errand.REMINDER, Fate.SENT, Fate.BOUNCED, Happened.REMINDER_LOST, None),
            ({}, Errand.REMINDER, Fate.SENT, Fate.IN_DOUBT, Happened.REMINDER_IN_DOUBT, None),
            ({}, Errand.REMINDER, Fate.IN_DOUBT, Fate.IN_DOUBT, None, None),
            ({}, Errand.REMINDER, Fate.ON_ITS_WAY, Fate.SENT, None, None),
        ],
    )
    def test_it_is_told_where_it_changes_and_a_reminder_says_nothing_of_the_invitation(
        self,
        kept: dict[str, Any],
        kind: Errand,
        before: Fate,
        fate: Fate,
        happened: Happened | None,
        failure: str | None,
    ) -> None:
        found = fates.consequence(proposal(**kept), kind, before, News(fate, "WHY", ID, 4))

        assert (found.happened, found.columns.get("send_failure")) == (happened, failure)
        assert found.columns.get("send_failure_reason") == (
            None if failure is None else "WHY" if failure else ""
        )


class TestReading:
    def test_a_letter_is_known_by_the_name_that_it_was_handed_over_under(self) -> None:
        key = LetterKey(uuid4(), 12, Errand.REMINDER)

        found = letters.settled(news(key.request_id), "interactions")

        assert found == (key, News(Fate.FAILED, "THROTTLED", ID, 4))

    def test_other_messages_are_none_of_ours(self) -> None:
        ours = f"proposal/{ID}/1/invitation"

        assert letters.settled(news(f"follow-up:{ID}:{ID}"), "interactions") is None
        assert letters.settled(news(ours, caller="campaigns"), "interactions") is None

    @pytest.mark.parametrize(
        "told",
        [
            news(f"proposal/x/1/{Errand.INVITATION}"),
            news(f"proposal/{ID}/one/{Errand.INVITATION}"),
            news(f"proposal/{ID}/1/bill"),
            news(f"proposal/{ID}/1/invitation", 0),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, told: events_pb2.SettledMessage) -> None:
        with pytest.raises(ValueError, match=r"."):
            letters.settled(told, "interactions")
