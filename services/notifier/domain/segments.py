"""What the text of an SMS becomes, and how many segments of it are sent and billed."""

from dataclasses import dataclass

from services.notifier.domain import sms, tokens
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.texts import Legal
from services.notifier.domain.work import Sender


@dataclass(frozen=True)
class Counted:
    """A text as it would be sent; `billed` by the table of `rule`, empty where none speaks."""

    text: str
    size: sms.Size
    billed: int
    rule: str


class Counter:
    """Counts texts of one sender and purpose, as people at home would get them."""

    def __init__(self, rules: Rules, purpose: Purpose, sender: Sender, links: str) -> None:
        """`links` is what links to refuse by begin with."""
        self._legal = Legal(rules, Channel.SMS, purpose, sender)
        self._tables = rules.home_law(Channel.SMS, purpose).billings
        has_link = purpose is not Purpose.TRANSACTIONAL
        self._link = links + "x" * tokens.LINK_LENGTH if has_link else ""

    def __call__(self, text: str, sample_url: str = "") -> Counted:
        """Completes a text, in which `sample_url` stands for the link to refuse by."""
        if sample_url:
            text = text.replace(sample_url, self._link)
        _, _, whole = self._legal(("", "", text), self._link)
        size = sms.size(whole)
        tables = [it for it in self._tables if it.encoding == size.encoding]
        if not tables or not size.parts:
            return Counted(whole, size, size.parts, "")
        billed, rule = max((it.segments(len(whole)), it.id) for it in tables)
        # Tables count characters, of which a few (`[`, `€`) take the room of two.
        return Counted(whole, size, max(billed, size.parts), rule)
