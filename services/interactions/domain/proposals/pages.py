"""A sheet as HTML: no script, no style, every text escaped."""

from functools import cache

import minijinja

from services.interactions.domain.proposals.sheets import Sheet

_PAGE = """
<article class="proposal" lang="{{ locale }}">
<header class="proposal-head">
<h1>{{ title }}</h1>
<dl>
<div><dt>{{ labels.number }}</dt><dd>{{ number }}</dd></div>
<div><dt>{{ labels.date }}</dt><dd>{{ date }}</dd></div>
<div><dt>{{ labels.valid_until }}</dt><dd>{{ valid_until }}</dd></div>
{% if recipient %}<div><dt>{{ labels.recipient }}</dt><dd>{{ recipient }}{% if company %}<br>
{{ company }}{% endif %}</dd></div>{% endif %}
</dl>
</header>
{% for block in blocks %}<section>
{% if block.heading %}<h2>{{ block.heading }}</h2>{% endif %}
{% for lines in block.paragraphs %}<p>{% for line in lines %}{{ line }}
{%- if not loop.last %}<br>{% endif %}{% endfor %}</p>
{% endfor %}
{% if block.kind == "prices" and rows %}<table class="proposal-prices">
<thead><tr><th>{{ labels.place }}</th><th>{{ labels.description }}</th>
<th>{{ labels.quantity }}</th><th>{{ labels.price }}</th><th>{{ labels.discount }}</th>
<th>{{ labels.vat }}</th><th>{{ labels.net }}</th></tr></thead>
<tbody>{% for row in rows %}<tr><td data-label="{{ labels.place }}">{{ row.place }}</td>
<td data-label="{{ labels.description }}">{{ row.description }}</td>
<td data-label="{{ labels.quantity }}">{{ row.quantity }}</td>
<td data-label="{{ labels.price }}">{{ row.price }}</td>
<td data-label="{{ labels.discount }}">{{ row.discount }}</td>
<td data-label="{{ labels.vat }}">{{ row.vat }}</td>
<td data-label="{{ labels.net }}">{{ row.net }}</td></tr>
{% endfor %}</tbody></table>
<dl class="proposal-sums">{% for sum in sums %}<div><dt>{{ sum.label }}</dt>
<dd>{{ sum.value }}</dd></div>{% endfor %}</dl>{% endif %}
</section>
{% endfor %}</article>
"""


def html(sheet: Sheet) -> str:
    """Returns the sheet as one article; its looks are classes of whoever shows it."""
    shown: str = _environment().render_template("page.html", **sheet)
    return shown


@cache
def _environment() -> minijinja.Environment:
    return minijinja.Environment(
        templates={"page.html": _PAGE}, auto_escape_callback=lambda _: "html"
    )
