"""Decisions of the notifier, without a database."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from crm.campaigns.v1 import template_pb2
from crm.leads.v1 import contact_pb2
from crm.notifier.v1 import message_pb2

from services.notifier.domain import states
from services.notifier.domain.rendering import Renderer, RenderFailed
from services.notifier.domain.scheduling import Bucket, FairShare, Window
from services.notifier.domain.states import Channel, Purpose, Reason, Result, State, Verdict
from services.notifier.domain.texts import Legal
from services.notifier.domain.work import (
    NOBODY,
    Content,
    Suppressed,
)
from tests.unit.notifier.domain_parts import (
    ADVERTISER,
    NOW,
    OTHER,
    RULES,
    claimed,
    judged,
    run,
    sender,
)


class TestNumbers:
    def test_states_channels_and_purposes_are_those_of_the_contract(self) -> None:
        told = {
            name.removeprefix("MESSAGE_STATE_"): n for name, n in message_pb2.MessageState.items()
        }
        assert {it.name: it.value for it in State} == {k: v for k, v in told.items() if v}
        for proto in (message_pb2, template_pb2, contact_pb2):
            for kind, ours in (("CHANNEL", Channel), ("PURPOSE", Purpose)):
                numbers = getattr(proto, kind.capitalize()).items()
                told = {name.removeprefix(f"{kind}_"): n for name, n in numbers}
                assert {it.name: it.value for it in ours} == {k: v for k, v in told.items() if v}


class TestSettle:
    @pytest.mark.parametrize(
        ("verdict", "state"),
        [
            (Verdict.TAKEN, State.ACCEPTED),
            (Verdict.REFUSED, State.FAILED),
            (Verdict.UNKNOWN, State.IN_DOUBT),
            (Verdict.NOT_WRITTEN, State.QUEUED),
            (Verdict.BUSY, State.DEFERRED),
        ],
    )
    def test_each_verdict_has_one_state(self, verdict: Verdict, state: State) -> None:
        following = states.settle(
            Result(verdict), attempt=1, now=NOW, deadline=NOW + timedelta(hours=1), chance=0.5
        )

        assert following.state is state

    def test_pauses_grow_until_the_deadline_ends_them(self) -> None:
        pauses = [states.pause(n, 0.0).total_seconds() for n in range(1, 30)]

        assert pauses == sorted(pauses)
        assert pauses[-1] <= states.LONGEST_PAUSE_SECONDS
        ended = states.settle(
            Result(Verdict.BUSY), attempt=9, now=NOW, deadline=NOW + timedelta(minutes=1), chance=0
        )
        assert ended == states.Next(State.FAILED, Reason.RETRIES_ENDED)


class TestGates:
    def test_a_message_at_noon_may_go(self) -> None:
        assert judged(claimed()) is None

    @pytest.mark.parametrize(("hour", "until"), [(6, 7), (22, 7), (23, 7), (7, None), (21, None)])
    def test_advertising_sms_keep_hours(self, hour: int, until: int | None) -> None:
        local = datetime(2026, 11, 21, hour, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))

        to = judged(claimed(), local)

        if until is None:
            assert to is None
        else:
            assert to is not None
            assert to.state is State.DEFERRED
            assert to.not_before is not None
            assert to.not_before.astimezone(local.tzinfo).hour == until
            assert timedelta() < to.not_before - local < timedelta(hours=10)

    def test_care_and_mail_know_no_hours(self) -> None:
        night = datetime(2026, 11, 21, 2, 0, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))

        assert judged(claimed(purpose=Purpose.CARE), night) is None
        assert judged(claimed(channel=Channel.EMAIL), night) is None

    def test_an_unknown_zone_takes_the_strictest_hours(self) -> None:
        early = datetime(2026, 11, 21, 7, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
        number = "+442079460000"  # of a country that no rule speaks of

        assert judged(claimed(), early) is None
        abroad = judged(claimed(address=number, address_key=number, time_zone="No/Where"), early)
        assert abroad is not None
        assert abroad.state is State.DEFERRED

    def test_daylight_saving_does_not_shift_the_hours(self) -> None:
        zone = ZoneInfo("America/New_York")
        before = datetime(2026, 3, 7, 22, 0, tzinfo=zone)

        to = judged(
            claimed(
                address="+14155550100", address_key="+14155550100", time_zone="America/New_York"
            ),
            before,
        )

        assert to is not None
        assert to.not_before == datetime(2026, 3, 8, 8, 0, tzinfo=zone)

    def test_each_gate_names_its_rule(self) -> None:
        past = NOW - timedelta(seconds=1)
        block = Suppressed(1, Channel.SMS, "+84901234567", NOBODY, 0, reason="by hand")
        found = [
            judged(claimed(), run=run(state="CANCELLED")),
            judged(claimed(), run=run(state="EXPIRED")),
            judged(claimed(not_after=past)),
            judged(claimed(), run=run(not_after=past)),
            judged(claimed(), sender=None),
            judged(claimed(), sender=sender(advertiser_id=OTHER)),
            judged(claimed(), sender=sender(expires_at=past)),
            judged(claimed(), suppressions=[block]),
        ]

        assert [(it.state, it.reason, it.rule) for it in found if it] == [
            (State.CANCELLED, Reason.RUN_CANCELLED, "run.cancelled"),
            (State.EXPIRED, Reason.TIME_PASSED, "run.not_after"),
            (State.EXPIRED, Reason.TIME_PASSED, "message.not_after"),
            (State.EXPIRED, Reason.TIME_PASSED, "run.not_after"),
            (State.SKIPPED, Reason.SENDER_MISSING, "sender.missing"),
            (State.SKIPPED, Reason.SENDER_MISSING, "sender.missing"),
            (State.SKIPPED, Reason.SENDER_EXPIRED, "vn.sms.sender"),
            (State.SKIPPED, Reason.SUPPRESSED, "suppression.by_hand"),
        ]

    @pytest.mark.parametrize(
        ("advertiser", "purpose", "covers"),
        [
            (NOBODY, 0, True),
            (ADVERTISER, 0, True),
            (OTHER, 0, False),
            (ADVERTISER, Purpose.MARKETING, True),
            (ADVERTISER, Purpose.CARE, False),
        ],
    )
    def test_a_suppression_covers_its_scope(
        self, advertiser: uuid.UUID, purpose: int, covers: bool
    ) -> None:
        block = Suppressed(1, Channel.SMS, "+84901234567", advertiser, purpose)

        assert block.covers(claimed()) is covers

    def test_transactional_passes_a_general_suppression_only(self) -> None:
        message = claimed(purpose=Purpose.TRANSACTIONAL)

        assert not Suppressed(1, Channel.SMS, message.address_key, NOBODY, 0).covers(message)
        assert Suppressed(1, Channel.SMS, message.address_key, NOBODY, 3).covers(message)

    def test_the_label_comes_first_and_once(self) -> None:
        def label(text: str, purpose: Purpose) -> str:
            return Legal(RULES, Channel.SMS, purpose, sender())(("", "", text), "")[2]

        assert label("Giảm giá", Purpose.MARKETING) == "[QC] Giảm giá"
        assert label("[QC] Giảm giá", Purpose.MARKETING) == "[QC] Giảm giá"
        assert label("Cảm ơn", Purpose.CARE) == "Cảm ơn"


class TestRendering:
    def content(self, html: str) -> Content:
        return Content("h", Channel.EMAIL, "Chào\n{{ name }}", html, "{{ name }}", ("name",))

    def test_values_are_escaped_in_html_only_and_the_subject_is_one_line(self) -> None:
        renderer = Renderer(self.content("<p>{{ name }}</p>"))

        subject, html, text = renderer.render({"name": "<b>\r\nBcc: x"})

        assert subject == "Chào <b> Bcc: x"
        assert "&lt;b&gt;" in html
        assert text.startswith("<b>")

    @pytest.mark.parametrize(
        "html", ["{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}"]
    )
    def test_a_loop_that_does_not_end_is_ended(self, html: str) -> None:
        with pytest.raises(RenderFailed):
            Renderer(self.content(html)).render({"name": "x"})

    def test_what_does_not_parse_fails(self) -> None:
        with pytest.raises(RenderFailed):
            Renderer(self.content("{% if %}"))


class TestScheduling:
    def test_runs_share_by_weight(self) -> None:
        fair = FairShare()
        runs = [run(1, weight=1), run(2, weight=3)]
        taken = {1: 0, 2: 0}
        for _ in range(400):
            picked = fair.pick(runs, 0.0, 1.0)
            assert picked is not None
            fair.charge(picked[0], 10)
            taken[picked[0].run_id.int] += 10

        assert 2.8 <= taken[2] / taken[1] <= 3.2

    def test_a_late_run_does_not_catch_up(self) -> None:
        fair = FairShare()
        for _ in range(100):
            fair.pick([run(1)], 0.0, 1.0)
            fair.charge(run(1), 100)
        taken = 0
        for _ in range(10):
            picked = fair.pick([run(1), run(2)], 0.0, 1.0)
            assert picked is not None
            fair.charge(picked[0], 100)
            taken += picked[0].run_id.int == 2

        assert taken == 5

    def test_a_bucket_lets_its_rate_through(self) -> None:
        bucket = Bucket(10, 0.0)
        bucket.take(10)

        assert bucket.room(0.0) == 0
        assert bucket.room(0.5) == 5
        assert bucket.room(60.0) == 10


class TestTheWindow:
    def test_it_grows_while_the_wire_runs_dry_and_no_further_than_allowed(self) -> None:
        window = Window()
        before = window.size(1_000)

        window.observe(waiting=0)
        grown = window.size(1_000)
        for _ in range(20):
            window.observe(waiting=0)

        assert before == Window.LEAST < grown
        assert window.size(1_000) == 1_000

    def test_it_shrinks_while_much_waits_and_no_further_than_the_least(self) -> None:
        window = Window()
        window.observe(waiting=0)
        grown = window.size(1_000)

        window.observe(waiting=grown)
        shrunk = window.size(1_000)
        for _ in range(50):
            window.observe(waiting=1_000)

        assert shrunk < grown
        assert window.size(1_000) == Window.LEAST

    def test_a_wire_that_takes_nothing_has_no_window(self) -> None:
        assert Window().size(0) == 0
