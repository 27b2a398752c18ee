"""What a reminder says to a contact; the title of the follow-up is not for them."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.interactions.domain import fields
from services.interactions.domain.follow_ups import DEFAULT_TIME_ZONE, Type
from services.interactions.domain.messages import Channel

DEFAULT_LOCALE = "vi"


@dataclass(frozen=True)
class Reader:
    """Who reads it: `locale` is BCP 47, `time_zone` an IANA name; each may be empty."""

    name: str
    locale: str
    time_zone: str


# An SMS without marks, and so of letters that go 160 to a message.
_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "time": "{at:%H:%M} ngày {at:%d/%m/%Y} ({zone})",
        "short_time": "{at:%H:%M} ngay {at:%d/%m/%Y} ({zone})",
        "subject_call": "Nhắc hẹn: cuộc gọi lúc {time}",
        "subject_meeting": "Nhắc hẹn: cuộc gặp lúc {time}",
        "hello": "Kính chào {name},",
        "hello_nobody": "Kính chào quý khách,",
        "call": "{sender} sẽ gọi điện cho quý khách lúc {time}.",
        "meeting": "Quý khách có cuộc gặp với {sender} lúc {time}.",
        "sms_call": "{sender} nhac hen: chung toi se goi dien cho quy khach luc {short_time}.",
        "sms_meeting": "{sender} nhac hen: quy khach co cuoc gap voi chung toi luc {short_time}.",
    },
    "en": {
        "time": "{at:%H:%M} on {at:%d %B %Y} ({zone})",
        "short_time": "{at:%H:%M} on {at:%d %b %Y} ({zone})",
        "subject_call": "Reminder: a call at {time}",
        "subject_meeting": "Reminder: a meeting at {time}",
        "hello": "Dear {name},",
        "hello_nobody": "Dear customer,",
        "call": "{sender} will call you at {time}.",
        "meeting": "You have a meeting with {sender} at {time}.",
        "sms_call": "{sender} reminder: we will call you at {short_time}.",
        "sms_meeting": "{sender} reminder: you have a meeting with us at {short_time}.",
    },
}


def written(
    channel: Channel, kind: Type, start: datetime, sender: str, reader: Reader
) -> Mapping[str, str]:
    """Return the parts of the message that says what is at `start`, and with whom.

    `sender` is the name that the reader knows us by, for an SMS the brand name.
    """
    language = reader.locale.replace("_", "-").partition("-")[0].lower()
    texts = _TEXTS.get(language, _TEXTS[DEFAULT_LOCALE])
    zone = reader.time_zone if fields.is_time_zone(reader.time_zone) else DEFAULT_TIME_ZONE
    at = start.astimezone(ZoneInfo(zone))
    shown = {"at": at, "zone": _offset(at)}
    time, short = (texts[name].format(**shown) for name in ("time", "short_time"))
    said = {"sender": sender, "time": time, "short_time": short}
    if channel is Channel.SMS:
        return {"text": texts[f"sms_{kind}"].format(**said)}
    name = reader.name.strip()
    hello = texts["hello"].format(name=name) if name else texts["hello_nobody"]
    line = texts[kind].format(**said)
    return {
        "subject": texts[f"subject_{kind}"].format(time=time),
        "text": f"{hello}\n\n{line}\n",
        "html": f"<p>{html.escape(hello)}</p><p>{html.escape(line)}</p>",
    }


def _offset(at: datetime) -> str:
    """How far the clock is from Greenwich, as people write it: GMT+7."""
    minutes = (at.utcoffset() or timedelta()) // timedelta(minutes=1)
    if not minutes:
        return "GMT"
    hours, rest = divmod(abs(minutes), 60)
    return f"GMT{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")
