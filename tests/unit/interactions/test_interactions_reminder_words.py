"""What a contact reads before a call or meeting, and how what names such a reminder is read."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from chassis.errors import InvalidArgument
from services.interactions.domain import contact_reminders, deliveries, reminder_words, reminders
from services.interactions.domain.contact_reminders import Key
from services.interactions.domain.deliveries import Delivery, Reason, State
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import Type
from services.interactions.domain.messages import Channel, Purpose
from services.interactions.domain.reminder_words import Reader
from services.interactions.messages import names

START = datetime(2026, 11, 24, 2, 5, tzinfo=UTC)
KEY = Key(UUID(int=1), UUID(int=2), 60, START)
HANOI, BERLIN = "Asia/Ho_Chi_Minh", "Europe/Berlin"
SENDER = {
    "channel": Channel.SMS,
    "purpose": Purpose.CARE,
    "advertiser_id": str(UUID(int=3)),
    "sender_identity_id": str(UUID(int=4)),
}
# GSM 03.38 without what it escapes: the letters that go 160 to a message.
BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


def written(channel: Channel, kind: Type, sender: str = "Mekong", **reader: str) -> Any:
    given = {"name": "", "locale": "", "time_zone": "", **reader}
    return reminder_words.written(channel, kind, START, sender, Reader(**given))


class TestWords:
    @pytest.mark.parametrize(
        ("locale", "zone", "subject", "text"),
        [
            (
                "vi",
                HANOI,
                "Nhắc hẹn: cuộc gặp lúc 09:05 ngày 24/11/2026 (GMT+7)",
                "Kính chào Đào,\n\nQuý khách có cuộc gặp với Mekong lúc 09:05 ngày 24/11/2026 "
                "(GMT+7).\n",
            ),
            (
                "en-GB",
                BERLIN,
                "Reminder: a meeting at 03:05 on 24 November 2026 (GMT+1)",
                "Dear Đào,\n\nYou have a meeting with Mekong at 03:05 on 24 November 2026 "
                "(GMT+1).\n",
            ),
            # A language and a clock that we do not know: the organisation's.
            (
                "fr",
                "Mars/Base",
                "Nhắc hẹn: cuộc gặp lúc 09:05 ngày 24/11/2026 (GMT+7)",
                "Kính chào Đào,\n\nQuý khách có cuộc gặp với Mekong lúc 09:05 ngày 24/11/2026 "
                "(GMT+7).\n",
            ),
        ],
    )
    def test_an_e_mail_says_what_when_and_with_whom(
        self, locale: str, zone: str, subject: str, text: str
    ) -> None:
        made = written(Channel.EMAIL, Type.MEETING, name="Đào", locale=locale, time_zone=zone)

        assert (made["subject"], made["text"]) == (subject, text)

    def test_names_are_no_markup(self) -> None:
        made = written(Channel.EMAIL, Type.CALL, sender="A & <b>", name="{x} <i>")

        assert "Kính chào {x} &lt;i&gt;," in made["html"]
        assert "A &amp; &lt;b&gt; sẽ gọi điện" in made["html"]
        assert "<b>" not in made["html"].replace("<p>", "")

    def test_somebody_without_a_name_is_greeted_too(self) -> None:
        assert written(Channel.EMAIL, Type.CALL)["text"].startswith("Kính chào quý khách,")
        assert written(Channel.EMAIL, Type.CALL, locale="en")["text"].startswith("Dear customer,")

    @pytest.mark.parametrize("locale", ["vi", "en"])
    @pytest.mark.parametrize("kind", [Type.CALL, Type.MEETING])
    def test_an_sms_is_one_part_without_marks(self, locale: str, kind: Type) -> None:
        longest = "MEKONG_2026"

        made = written(
            Channel.SMS, kind, sender=longest, locale=locale, time_zone="America/St_Johns"
        )

        assert set(made) == {"text"}
        assert made["text"].startswith(longest)
        assert len(made["text"]) <= 160
        assert set(made["text"]) <= BASIC

    def test_a_clock_of_half_hours_is_written_so(self) -> None:
        said = written(Channel.SMS, Type.CALL, locale="en", time_zone="America/St_Johns")["text"]

        assert "22:35 on 23 Nov 2026 (GMT-3:30)" in said
        assert "(GMT)" in written(Channel.SMS, Type.CALL, time_zone="UTC")["text"]


class TestNames:
    @pytest.mark.parametrize("key", [KEY, deliveries.Key(UUID(int=1), UUID(int=2))])
    def test_each_is_read_as_it_was_written(self, key: names.Key) -> None:
        name = names.request_id(key)

        assert names.key_of(name) == key
        assert len(name) <= 200

    def test_each_start_minutes_and_contact_has_its_own(self) -> None:
        others = [
            KEY._replace(contact_id=UUID(int=9)),
            KEY._replace(minutes_before=15),
            KEY._replace(start_time=START.replace(microsecond=1)),
        ]

        assert len({names.request_id(it) for it in (KEY, *others)}) == 4

    @pytest.mark.parametrize("name", ["", "proposal/1/2/3", "follow-up:a", "other:1:2"])
    def test_another_s_is_nobody_s(self, name: str) -> None:
        assert names.key_of(name) is None

    @pytest.mark.parametrize("name", ["follow-up:a:b", "follow-up-reminder:a:b:c:d"])
    def test_what_begins_like_ours_and_is_none_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"badly formed|does not match"):
            names.key_of(name)


class TestWhyNot:
    @pytest.mark.parametrize(
        ("changed", "why"),
        [
            ({}, None),
            ({"is_pending": False}, Reason.CANCELLED),
            ({"contact_id": UUID(int=9)}, Reason.CANCELLED),
            ({"start": START.replace(hour=3)}, Reason.MOVED),
        ],
    )
    def test_one_stands_with_its_follow_up(self, changed: Any, why: Reason | None) -> None:
        stands: Any = {"is_pending": True, "contact_id": KEY.contact_id, "start": START, **changed}

        assert contact_reminders.why_not(waiting(), **stands) == why

    @pytest.mark.parametrize(
        ("now", "tries", "late"),
        [
            (START, 1, False),
            (START.replace(second=1), 1, True),
            # Another try may have been taken: the notifier is asked.
            (START.replace(second=1), 2, False),
        ],
    )
    def test_one_is_late_once_it_has_started(self, now: datetime, tries: int, late: bool) -> None:
        assert contact_reminders.is_too_late(waiting(tries), now) is late


def waiting(tries: int = 1) -> Delivery[Key]:
    at: Any = KEY.due_time
    return Delivery(KEY, State.WAITING, "", "", None, 7, tries, 0, at, at)


class TestFields:
    def checked(self, *given: Any) -> Any:
        problems = Problems()
        found = reminders.checked(given, "r", problems)
        problems.raise_if_any()
        return found

    def test_the_contact_s_alone_reminds_no_colleague(self) -> None:
        (kept,) = self.checked({"minutes_before": 60, "channels": [], "to_contact": SENDER})

        assert kept["channels"] == []
        assert kept["to_contact"] == {**SENDER, "channel": "sms", "purpose": "care"}
        sender = reminders.to_contact([kept], 60)
        assert sender is not None
        assert sender.sender_identity_id == UUID(int=4)
        assert reminders.to_contact([kept], 15) is None

    def test_who_sends_it_is_needed(self) -> None:
        bad = {**SENDER, "channel": None, "advertiser_id": "", "sender_identity_id": "x"}

        with pytest.raises(InvalidArgument) as refused:
            self.checked(
                {"minutes_before": 15, "channels": []},
                {"minutes_before": 60, "channels": [], "to_contact": bad},
            )

        assert [it.field for it in refused.value.violations] == [
            f"r[1].to_contact.{name}" for name in ("advertiser_id", "sender_identity_id", "channel")
        ]
