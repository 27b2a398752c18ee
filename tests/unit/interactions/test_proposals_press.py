"""Templates and sheets in a process with limits: hostile ones do no harm."""

import io
import json
import uuid
from datetime import UTC, date, datetime
from typing import Any

import pypdf
import pytest

from chassis.errors import InvalidArgument, Unavailable
from services.interactions.clients.press import Press
from services.interactions.domain.proposals import pages, pricing, printing, proposals, sheets
from services.interactions.domain.proposals.pricing import Line, Vat
from services.interactions.domain.proposals.proposals import Proposal, State
from services.interactions.domain.proposals.templates import Block, Kind

HOSTILE = (
    '#read("/etc/passwd") #while true {} $x^2$ *b* _i_ `c` </p><script>x()</script> \\u{41} @a <b>'
)
LETTERS = "Nguyễn Thị Đào – ưởng ẵm Ỹ Ợ ặ ữ ₫"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def proposal(*lines: Line, **changes: Any) -> Proposal:
    unset = {name: None for name in Proposal.__dataclass_fields__}
    given: dict[str, Any] = {
        "id": uuid.uuid4(),
        "revision": 1,
        "number": "BG-2026-00007",
        "title": "Báo giá máy lọc nước",
        "recipient_name": "",
        "currency": "VND",
        "lines": lines,
        "totals": pricing.total(pricing.price(it) for it in lines),
        "valid_until": date(2026, 12, 31),
        "expire_time": proposals.expiry(date(2026, 12, 31)),
        "locale": "vi",
        "state": State.DRAFT,
        "issue": 0,
        "create_time": NOW,
        "update_time": NOW,
        **changes,
    }
    return Proposal(**{**unset, **given})


def sheet(*texts: str, lines: tuple[Line, ...] = (), **changes: Any) -> sheets.Sheet:
    made = proposal(*lines, **changes)
    values = sheets.variables(made, {"company": "Ưu Việt"}, NOW.date(), changes.get("name", "Đào"))
    blocks = [Block(Kind.TEXT, "", text) for text in texts]
    return sheets.made(made, blocks, [pricing.price(it) for it in lines], values)


def text_of(data: bytes) -> str:
    read = pypdf.PdfReader(io.BytesIO(data))
    return "\n".join(page.extract_text() for page in read.pages).replace("\u200b", "")


def block(text: str) -> list[Block]:
    return [Block(Kind.TEXT, "", text)]


@pytest.fixture(scope="module")
def press() -> Press:
    return Press(wall_seconds=60)


@pytest.mark.timeout(180)
class TestPdf:
    async def test_it_has_every_letter_and_figure(self, press: Press) -> None:
        lines = (Line(LETTERS, "2.5", "cái", 1_234_567, "12.5", vat=Vat.EIGHT),)

        text = text_of(await press.print(sheet(f"Kính gửi {LETTERS}", lines=lines)))

        flat = "".join(text.split())
        assert flat.count("".join(LETTERS.split())) == 2
        for shown in ("BG-2026-00007", "1.234.567₫", "12,5%", "2.700.615₫", "2.916.664₫"):
            assert shown in flat, shown

    async def test_what_people_write_is_shown_and_never_run(self, press: Press) -> None:
        lines = (Line(HOSTILE, "1", "", 1),)

        data = await press.print(sheet(HOSTILE, lines=lines, title=HOSTILE))

        flat = "".join(text_of(data).split())
        assert flat.count("".join(HOSTILE.split())) == 3
        assert "root:" not in flat

    def test_no_font_of_the_machine_is_used(self) -> None:
        data = printing.pdf(sheet(LETTERS))

        page = pypdf.PdfReader(io.BytesIO(data)).pages[0]
        fonts: Any = page["/Resources"]["/Font"]  # type: ignore[index]
        names = {str(it.get_object()["/BaseFont"]).partition("+")[2] for it in fonts.values()}
        assert {it.partition("-")[0] for it in names} == {"LibertinusSerif"}

    def test_the_same_sheet_is_the_same_pdf(self) -> None:
        made = sheet("Một", lines=(Line("x", "1", "", 5),))

        assert printing.pdf(made) == printing.pdf(made)

    def test_many_lines_go_over_several_pages(self) -> None:
        lines = tuple(Line(f"Dòng {at}", "1", "", at) for at in range(200))

        assert len(pypdf.PdfReader(io.BytesIO(printing.pdf(sheet("a", lines=lines)))).pages) > 4


class TestHtml:
    def test_every_text_is_escaped(self) -> None:
        page = pages.html(sheet(HOSTILE, lines=(Line(HOSTILE, "1", "", 1),), title=HOSTILE))

        assert "<script" not in page
        assert "style=" not in page
        assert page.count("&lt;script&gt;") == 3

    def test_paragraphs_and_lines_stay_apart(self) -> None:
        page = pages.html(sheet("một\nhai\n\n\nba"))

        assert "<p>một<br>hai</p>" in page
        assert "<p>ba</p>" in page

    def test_a_sheet_survives_being_kept_as_json(self) -> None:
        made = sheet("x", lines=(Line("x", "1", "", 5),))

        assert json.loads(json.dumps(made)) == made


@pytest.mark.timeout(180)
class TestTemplates:
    async def test_values_take_their_places_and_nothing_more(self, press: Press) -> None:
        blocks = block("{{ salutation|default('Quý khách') }} {{ display_name }}: {{ total }}")

        (made,) = await press.render(blocks, {"display_name": "{{ number }}<b>"}, "b")

        assert made.text == "Quý khách {{ number }}<b>: "

    @pytest.mark.parametrize(
        "text",
        [
            "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
            "{% for i in range(9) %}{{ [1] * 100000000 }}{% endfor %}",
            "{% set n = namespace(a='xxxxxxxx') %}{% for i in range(64) %}"
            "{% set n.a = n.a ~ n.a %}{% endfor %}{{ n.a|length }}",
            "{% if %}",
            "{{ secret }}",
            "{{ display_name * 1000 }}",
            "{% include 'x' %}",
        ],
    )
    async def test_one_that_cannot_be_trusted_is_refused_naming_its_place(
        self, press: Press, text: str
    ) -> None:
        with pytest.raises(InvalidArgument) as refused:
            await press.admit([Block(Kind.TEXT, "", "ok"), *block(text)], "template.blocks")

        assert refused.value.reason == "TEMPLATE_REFUSED"
        (wrong,) = refused.value.violations
        assert wrong.field in ("template.blocks[1].text", "template.blocks")

    async def test_what_takes_too_long_is_ended_and_said_to_be_away(self) -> None:
        with pytest.raises(Unavailable):
            await Press(wall_seconds=0.01).render(block("x"), {}, "b")
