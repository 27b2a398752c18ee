"""What the law wants in a message's text: the label first, and how to refuse at its end."""

from html import escape

from services.notifier.domain.rendering import Texts
from services.notifier.domain.rules import Rules
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import Sender


class Legal:
    """Completes the rendered texts of one sender and purpose."""

    def __init__(self, rules: Rules, channel: Channel, purpose: Purpose, sender: Sender) -> None:
        law = rules.home_law(channel, purpose)
        self._labels = law.labels
        self._is_sms = channel is Channel.SMS
        self._texts = [it.text for it in law.opt_outs]
        self._htmls = [it.html for it in law.opt_outs if it.html]
        self._names = {"advertiser": sender.advertiser_name, "address": sender.postal_address}
        self._escaped = {name: escape(value) for name, value in self._names.items()}

    def __call__(self, texts: Texts, url: str) -> Texts:
        """The texts with what they lack; what a template has itself is not said twice."""
        subject, html, text = texts
        if self._is_sms:
            text = self.labelled(text)
        else:
            subject = self.labelled(subject)
        if not url or not self._texts:
            return subject, html, text
        if url not in text and (text or not html):
            ends = [it.format(url=url, **self._names) for it in self._texts]
            text = (" " if self._is_sms else "\n\n").join([text.rstrip(), *ends])
        if html and escape(url) not in html and url not in html:
            ends = [it.format(url=escape(url), **self._escaped) for it in self._htmls]
            html = _before_end(html, "".join(ends))
        return subject, html, text

    def labelled(self, text: str) -> str:
        """The beginning of a message with the labels it lacks."""
        for rule in self._labels:
            if not text.lstrip().startswith(rule.accepted):
                text = f"{rule.text} {text}"
        return text


def _before_end(html: str, footer: str) -> str:
    at = html.lower().rfind("</body>")
    return html + footer if at < 0 else html[:at] + footer + html[at:]
