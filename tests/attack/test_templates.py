"""Templates reach the values they are given, and nothing else of the process or the machine."""

import pytest

from services.campaigns.domain import rendering as campaigns
from services.interactions.domain import rendering as follow_ups
from services.interactions.domain.proposals import rendering as proposals

SECRET = "/etc/hostname"
ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ given_name.__class__.__init__.__globals__ }}",
    "{{ given_name['__class__'] }}",
    "{{ given_name | attr('__class__') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ namespace.__class__ }}",
    "{{ range.__class__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ config }}",
    "{{ request.environ }}",
    "{{ ''.format.__globals__ }}",
    "{{ '{0.__class__}'.format(given_name) }}",
    "{{ debug() }}",
    f"{{% include '{SECRET}' %}}",
    f"{{% import '{SECRET}' as x %}}{{{{ x }}}}",
    f"{{% extends '{SECRET}' %}}",
    "{% include 'html' %}",
    "{% set x = given_name.__class__ %}{{ x }}",
]
ENDLESS = [
    "{% for a in range(999999999) %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set x = 'a' %}" + "{% set x = x ~ x %}" * 24 + "{{ x }}",
]
TOLD = ("class", "function", "object at", "built-in", "root:", "<module", "Linux", "uid=")


def by_campaigns(source: str) -> str:
    made = campaigns.Renderer(campaigns.Source({"text": source}, {"text": 100_000}))
    return made.render({"given_name": "An"})["text"]


def by_follow_ups(source: str) -> str:
    made = follow_ups.Renderer({"text": f"x{source}"}, {"text": 100_000})
    return made.render({"given_name": "An"})["text"]


def by_proposals(source: str) -> str:
    blocks = [{"heading": "x", "text": source}]
    return proposals.render(blocks, {"given_name": "An"}, ["given_name"])[0]["text"]


ALL = [by_campaigns, by_follow_ups, by_proposals]
REFUSALS = (campaigns.Refused, follow_ups.Refused, proposals.Refused)


@pytest.mark.parametrize("render", ALL, ids=["campaigns", "follow-ups", "proposals"])
class TestEverywhere:
    @pytest.mark.parametrize("source", ESCAPES)
    def test_no_way_leads_out(self, render: object, source: str) -> None:
        try:
            said = render(source)  # type: ignore[operator]
        except REFUSALS as refused:
            said = str(refused)
            assert "root:" not in said
            return

        assert not any(it in said for it in TOLD), said

    @pytest.mark.parametrize("source", ENDLESS, ids=["loop", "nested", "recursion", "doubling"])
    def test_what_does_not_end_is_ended(self, render: object, source: str) -> None:
        with pytest.raises(REFUSALS):
            render(source)  # type: ignore[operator]

    def test_what_it_may_do_it_does(self, render: object) -> None:
        assert "An" in render("{{ given_name }}")  # type: ignore[operator]
