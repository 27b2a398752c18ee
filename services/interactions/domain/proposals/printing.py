"""A sheet as PDF by typst; only `services.interactions.press` calls it, within its limits.

What people wrote reaches typst as data and is shown as text: no letter of it is ever read as
typst's own language. The fonts are those that typst brings, which have all Vietnamese letters.
"""

import json
from typing import Any

import typst

from services.interactions.domain.proposals.sheets import Sheet

_LONG_WORD = 24
_BREAK = "\u200b"

_SOURCE = """
#let sheet = json(bytes(sys.inputs.sheet))
#let t = sheet.labels
#set document(title: sheet.title, date: none)
#set page(
  paper: "a4",
  margin: (x: 2cm, y: 2.2cm),
  footer: context [
    #set text(8pt, fill: luma(100))
    #sheet.number #h(1fr) #counter(page).display("1 / 1", both: true)
  ],
)
#set text(font: ("Libertinus Serif", "DejaVu Sans Mono"), size: 10.5pt, lang: sheet.locale)
#set par(leading: 0.68em)
#show heading: set block(above: 1.3em, below: 0.7em)
#text(20pt, weight: "bold")[#sheet.title]
#v(2pt)
#grid(
  columns: (auto, 1fr), column-gutter: 1em, row-gutter: 0.6em,
  text(fill: luma(90))[#t.number], [#sheet.number],
  text(fill: luma(90))[#t.date], [#sheet.date],
  text(fill: luma(90))[#t.valid_until], [#sheet.valid_until],
  ..if sheet.recipient != "" {
    (text(fill: luma(90))[#t.recipient], [
      *#sheet.recipient*
      #if sheet.company != "" [\\ #sheet.company]
    ])
  },
)
#let prices() = {
  set text(9.5pt)
  table(
    columns: (auto, 1fr, auto, auto, auto, auto, auto),
    align: (right, left, right, right, right, right, right),
    stroke: none,
    inset: (x: 5pt, y: 6pt),
    table.header(
      ..("place", "description", "quantity", "price", "discount", "vat", "net").map(it =>
        text(weight: "bold", t.at(it))
      ),
      table.hline(stroke: 0.8pt),
    ),
    ..sheet.rows.map(row => (
      row.place, row.description, row.quantity, row.price, row.discount, row.vat, row.net,
    )).flatten(),
    table.hline(stroke: 0.8pt),
  )
  align(right, block(breakable: false, grid(
    columns: 2, column-gutter: 2em, row-gutter: 0.7em, align: (left, right),
    ..sheet.sums.enumerate().map(((at, it)) => {
      let weight = if at == sheet.sums.len() - 1 { "bold" } else { "regular" }
      (text(weight: weight, it.label), text(weight: weight, it.value))
    }).flatten(),
  )))
}
#for part in sheet.blocks [
  #if part.heading != "" { heading(level: 2, part.heading) }
  #for lines in part.paragraphs { par(lines.map(it => [#it]).join(linebreak())) }
  #if part.kind == "prices" and sheet.rows.len() > 0 { prices() }
]
"""


def pdf(sheet: Sheet) -> bytes:
    """Returns the sheet as PDF."""
    compiler = typst.Compiler(
        _SOURCE.encode(),
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(_breakable(sheet), ensure_ascii=False)},
    )
    made: Any = compiler.compile(format="pdf", timestamp=0)
    return bytes(made)


def _breakable(value: Any) -> Any:
    """Returns the sheet with a place to break in words that no line has room for."""
    if isinstance(value, str):
        return " ".join(_word(it) for it in value.split(" "))
    if isinstance(value, dict):
        return {name: _breakable(it) for name, it in value.items()}
    if isinstance(value, list):
        return [_breakable(it) for it in value]
    return value


def _word(word: str) -> str:
    if len(word) <= _LONG_WORD:
        return word
    return _BREAK.join(word[at : at + _LONG_WORD] for at in range(0, len(word), _LONG_WORD))
