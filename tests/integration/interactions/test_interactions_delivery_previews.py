"""Messages of follow-ups as who writes them gets to see them before they go."""

from dataclasses import replace

import pytest
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.leads.v1 import contact_pb2

from tests.integration.interactions.delivery_parts import Sending, planned_mail
from tests.integration.interactions.house import person

ALL_OF_IT = (
    "{{ display_name }} {{ email | default('-') }} {{ phone | default('-') }}"
    " {{ province | default('-') }} {{ ward | default('-') }} {{ birthday | default('-') }}"
)
HIDEABLE = frozenset(
    f"contacts.{it}" for it in ("phones", "emails", "address", "birthday", "description")
)
PRIVATE = {
    "phones": [contact_pb2.Phone(number="+84912345678", valid=True)],
    "address": contact_pb2.Address(province="Huế", ward="Phú Hội"),
    "birthday": contact_pb2.PartialDate(day=1, month=11),
}


class TestPreview:
    async def test_it_shows_what_each_would_get_and_saves_nothing(self, parts: Sending) -> None:
        an, mute = parts.contact("an"), parts.contact("cam", emails=[])
        request = pb2.PreviewFollowUpRequest(follow_up=planned_mail(an, mute))

        shown = (await parts.follow_ups().PreviewFollowUp(request)).rendered

        assert [(it.contact_id, it.subject, it.address, it.reason) for it in shown] == [
            (an, "Chào An", "an@example.vn", ""),
            (mute, "Chào Cam", "", "NO_ADDRESS"),
        ]
        assert await parts.sql("SELECT 1 FROM follow_ups") == []

    async def test_a_template_that_fails_says_so(self, parts: Sending) -> None:
        an = parts.contact("an")
        request = pb2.PreviewFollowUpRequest(follow_up=planned_mail(an, text="{{ 1 // 0 }}"))

        shown = (await parts.follow_ups().PreviewFollowUp(request)).rendered

        assert [it.reason for it in shown] == ["RENDER_FAILED"]

    async def test_what_a_role_hides_is_neither_in_words_nor_in_addresses(
        self, parts: Sending
    ) -> None:
        an = parts.contact("an", **PRIVATE)
        request = pb2.PreviewFollowUpRequest(follow_up=planned_mail(an, text=ALL_OF_IT))
        blind = replace(person("all"), hidden=HIDEABLE)

        (whole,) = (await parts.follow_ups(person("all")).PreviewFollowUp(request)).rendered
        (shown,) = (await parts.follow_ups(blind).PreviewFollowUp(request)).rendered

        assert (whole.text, whole.address) == (
            "An an@example.vn +84912345678 Huế Phú Hội 01/11",
            "an@example.vn",
        )
        assert (shown.text, shown.address, shown.reason) == ("An - - - - -", "", "")
        assert shown.subject == "Chào An"

    @pytest.mark.parametrize(
        ("hidden", "text"),
        [
            ("contacts.emails", "An - +84912345678 Huế Phú Hội 01/11"),
            ("contacts.phones", "An an@example.vn - Huế Phú Hội 01/11"),
            ("contacts.address", "An an@example.vn +84912345678 - - 01/11"),
            ("contacts.birthday", "An an@example.vn +84912345678 Huế Phú Hội -"),
        ],
    )
    async def test_what_it_does_not_hide_is_there(
        self, parts: Sending, hidden: str, text: str
    ) -> None:
        an = parts.contact("an", **PRIVATE)
        request = pb2.PreviewFollowUpRequest(follow_up=planned_mail(an, text=ALL_OF_IT))
        who = replace(person("all"), hidden=frozenset({hidden}))

        (shown,) = (await parts.follow_ups(who).PreviewFollowUp(request)).rendered

        assert shown.text == text
