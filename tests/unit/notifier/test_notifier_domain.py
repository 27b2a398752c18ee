"""Decisions of the notifier, without a database."""

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from crm.campaigns.v1 import template_pb2
from crm.leads.v1 import contact_pb2
from crm.notifier.v1 import message_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain import addresses, gates, sms, states, tokens
from services.notifier.domain.rendering import Renderer, RenderFailed
from services.notifier.domain.scheduling import Bucket, FairShare, Window
from services.notifier.domain.states import Channel, Purpose, Reason, Result, State, Verdict
from services.notifier.domain.texts import Legal
from services.notifier.domain.work import (
    NOBODY,
    Claimed,
    Content,
    Key,
    Kind,
    Run,
    Sender,
    Suppressed,
)
from services.notifier.usecases import rulebook

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)  # noon in Vietnam
RULES = rulebook.load()
ADVERTISER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def claimed(**changes: object) -> Claimed:
    """A marketing SMS to Vietnam."""
    kind = kind_of(**{name: changes.pop(name) for name in list(changes) if name in Kind._fields})
    fields: dict[str, object] = {
        "key": Key(date(2026, 11, 21), uuid.uuid4()),
        "claim": 1,
        "attempts": 0,
        "kind": kind,
        "address": "+84901234567",
        "address_key": "+84901234567",
        "time_zone": "",
        "values": (),
        "not_after": None,
        "created_at": NOW,
        **changes,
    }
    return Claimed(**fields)  # type: ignore[arg-type]


def kind_of(**changes: object) -> Kind:
    """What the messages of a run of marketing by SMS have in common."""
    fields: dict[str, object] = {
        "run_id": uuid.UUID(int=5),
        "channel": Channel.SMS,
        "purpose": Purpose.MARKETING,
        "advertiser_id": ADVERTISER,
        "sender_identity_id": uuid.UUID(int=7),
        "content_hash": "h",
        **changes,
    }
    return Kind(**fields)  # type: ignore[arg-type]


def judged(message: Claimed, now: datetime = NOW, **changes: object) -> states.Next | None:
    """What the gates say."""
    who = changes.pop("sender", sender())
    blocks = changes.pop("suppressions", ())
    fields: dict[str, object] = {
        "now": now,
        "run": run(),
        "senders": {message.kind.sender_identity_id: who} if who else {},
        "suppressions": {message.address_key: blocks},
        "lists_as_of": {"vn": now},
        **changes,
    }
    return gates.Judge(RULES, gates.Facts(**fields), "Asia/Ho_Chi_Minh")(message)  # type: ignore[arg-type]


def run(number: int = 5, **changes: object) -> Run:
    """An active run."""
    fields: dict[str, object] = {
        "run_id": uuid.UUID(int=number),
        "run_date": date(2026, 11, 21),
        "epoch": 1,
        "state": "ACTIVE",
        "channel": Channel.SMS,
        "weight": 1,
        "max_per_second": 0,
        "not_after": None,
        "variables": (),
        "kind": kind_of(),
        **changes,
    }
    return Run(**fields)  # type: ignore[arg-type]


def sender(**changes: object) -> Sender:
    """A sender of the advertiser."""
    fields: dict[str, object] = {
        "identity_id": uuid.UUID(int=7),
        "advertiser_id": ADVERTISER,
        "channel": Channel.SMS,
        "address": "MEKONG",
        "display_name": "",
        "reply_to": "",
        "expires_at": None,
        "advertiser_name": "Sông Hồng",
        "postal_address": "1 Tràng Tiền",
        **changes,
    }
    return Sender(**fields)  # type: ignore[arg-type]


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


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "no-at.vn",
            "a@b",
            "a b@c.vn",
            "a@c.vn\r\nRCPT TO:<x@y.vn>",
            "a..b@c.vn",
            "<a@c.vn>",
            "a@-c.vn",
            "@c.vn",
        ],
    )
    def test_what_is_no_mail_address_is_refused(self, address: str) -> None:
        assert addresses.normalised(Channel.EMAIL, address) is None

    def test_spelling_tells_nobody_apart(self) -> None:
        assert addresses.normalised(Channel.EMAIL, " Dao@Example.VN ") == "dao@example.vn"
        assert addresses.normalised(Channel.SMS, "+84 90 123-4567") == "+84901234567"
        assert addresses.normalised(Channel.SMS, "0901234567") is None

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("0912 345 678", (Channel.SMS, "+84912345678")),
            ("84912345678", (Channel.SMS, "+84912345678")),
            ("0084 (912) 345-678", (Channel.SMS, "+84912345678")),
            ("+1 415 555 2671", (Channel.SMS, "+14155552671")),
            ("Đào <Dao@Example.vn>", (Channel.EMAIL, "dao@example.vn")),
            ("0912 345 678 ext 5", None),
            ("dao", None),
            ("dao@", None),
        ],
    )
    def test_what_support_looks_for_is_read_as_people_write_it(
        self, written: str, meant: tuple[Channel, str] | None
    ) -> None:
        assert addresses.asked_for(written, "VN") == meant

    def test_a_leap_day_ends_a_registration_too(self) -> None:
        assert addresses.registered_until(datetime(2028, 2, 29, tzinfo=UTC), 3) == datetime(
            2031, 2, 28, tzinfo=UTC
        )


class TestTokens:
    link = tokens.Link(
        Key(date(2026, 11, 21), uuid.uuid4()), Channel.EMAIL, Purpose.CARE, ADVERTISER
    )

    def test_a_link_reads_back_and_only_with_our_key(self) -> None:
        token = tokens.link_token(self.link, b"secret")

        assert tokens.read_link(token, b"secret") == self.link
        assert tokens.read_link(token, b"other") is None

    @given(st.text(max_size=100))
    def test_no_text_of_a_stranger_is_a_link_or_return_path(self, text: str) -> None:
        assert tokens.read_link(text, b"secret") is None
        assert tokens.read_return_path(text, b"secret") is None

    def test_a_return_path_names_its_message_and_fits(self) -> None:
        path = tokens.return_path(self.link.key, "mail.example.vn", b"secret")

        assert len(path.partition("@")[0]) <= 64
        assert tokens.read_return_path(path.upper(), b"secret") == self.link.key
        assert tokens.read_return_path(path.replace("b-", "b-0"), b"secret") is None


class TestSms:
    def test_one_part_holds_160_or_70(self) -> None:
        assert sms.encode("x" * 160, 1).parts == (b"x" * 160,)
        assert len(sms.encode("x" * 161, 1).parts) == 2
        assert len(sms.encode("đ" * 70, 1).parts) == 1
        assert len(sms.encode("đ" * 71, 1).parts) == 2

    def test_the_euro_sign_counts_twice(self) -> None:
        assert len(sms.encode("€" * 80, 1).parts) == 1
        assert len(sms.encode("€" * 81, 1).parts) == 2

    def test_too_long_a_text_is_refused(self) -> None:
        with pytest.raises(sms.TooLong):
            sms.encode("x" * 1531, 1)

    @given(st.text(min_size=1, max_size=400), st.integers(0, 255))
    def test_parts_join_to_the_text_and_none_ends_within_a_letter(
        self, text: str, reference: int
    ) -> None:
        encoded = sms.encode(text, reference)

        whole = [part[6:] if encoded.joined else part for part in encoded.parts]
        assert all(len(part) <= 140 if encoded.data_coding else len(part) <= 160 for part in whole)
        if encoded.data_coding == sms.UCS2:
            assert "".join(part.decode("utf-16-be") for part in whole) == text


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
