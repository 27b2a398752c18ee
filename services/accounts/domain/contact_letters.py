"""What customers are sent: invitations to the portal and one-time codes, by e-mail or SMS."""

import html
import unicodedata
from collections.abc import Mapping
from urllib.parse import urlsplit

from services.accounts.domain.letters import Words, mail
from services.accounts.domain.logins import Channel, ContactLogin

_LONGEST_SENDER = 30
_SEGMENT = 160
"""Letters of an SMS that is paid once."""

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "hello": "Chào {name},",
        "of": " của {organisation}",
        "invitation_subject": "Mời bạn vào cổng khách hàng{of}",
        "invitation": "Tại cổng khách hàng{of}, bạn xem được báo giá, lịch hẹn và chọn cách chúng"
        " tôi liên hệ với bạn. Bạn đăng nhập bằng {address}.",
        "invitation_open": "Mở cổng khách hàng",
        "invitation_until": "Liên kết dùng được một lần, trong 7 ngày. Sau đó bạn đăng nhập bằng"
        " mã gửi đến địa chỉ này.",
        "invitation_end": "Nếu bạn không biết gì về việc này, hãy bỏ qua thư này.",
        "invitation_sms": "Moi ban vao cong khach hang (dung 1 lan, trong 7 ngay): {link}",
        "code_subject": "Mã đăng nhập cổng khách hàng{of}",
        "code": "Mã đăng nhập cổng khách hàng{of} của bạn là:",
        "code_until": "Mã có hiệu lực trong 10 phút và chỉ dùng được một lần, trên thiết bị đã yêu"
        " cầu mã.",
        "code_end": "Không chia sẻ mã này với ai. Nếu bạn không đăng nhập, hãy bỏ qua thư này.",
        "code_sms": "{code} la ma dang nhap, trong 10 phut. KHONG chia se ma nay.",
    },
    "en": {
        "hello": "Hello {name},",
        "of": " of {organisation}",
        "invitation_subject": "You are invited to the customer portal{of}",
        "invitation": "In the customer portal{of} you see your proposals and appointments, and"
        " choose how we reach you. You sign in with {address}.",
        "invitation_open": "Open the portal",
        "invitation_until": "The link works once, for 7 days. After that you sign in with a code"
        " sent to this address.",
        "invitation_end": "If you know nothing of this, ignore this mail.",
        "invitation_sms": "You are invited to our customer portal (once, for 7 days): {link}",
        "code_subject": "Your sign-in code for the customer portal{of}",
        "code": "Your sign-in code for the customer portal{of} is:",
        "code_until": "It works once, for 10 minutes, on the device that asked for it.",
        "code_end": "Do NOT share it. If you are not signing in, ignore this mail.",
        "code_sms": "{code} is your sign-in code, for 10 minutes. Do NOT share it.",
    },
}


def invitation(login: ContactLogin, link: str, organisation: str = "") -> Words:
    """Returns the message that invites a customer of a house, which may have no name."""
    texts, of = _TEXTS[login.language], _of(login, organisation)
    if login.channel is Channel.SMS:
        return _sms(login, texts["invitation_sms"].format(link=link), organisation)
    said = {"name": login.display_name, "address": login.address, "of": of}
    hello, what, until, end = (
        texts[key].format(**said)
        for key in ("hello", "invitation", "invitation_until", "invitation_end")
    )
    opens = texts["invitation_open"]
    subject = texts["invitation_subject"].format(of=of)
    return mail(login.address, subject, (hello, what), (link, opens), (until, end))


def code(login: ContactLogin, digits: str, portal_url: str, organisation: str = "") -> Words:
    """Returns the message that brings a code; phones offer that of an SMS to the page by itself."""
    texts, of = _TEXTS[login.language], _of(login, organisation)
    if login.channel is Channel.SMS:
        # https://wicg.github.io/sms-one-time-codes: bound to the page's host, in the last line.
        bound = f"@{urlsplit(portal_url).hostname} #{digits}"
        said = texts["code_sms"].format(code=digits)
        return _sms(login, f"{said}\n\n{bound}", organisation)
    hello = texts["hello"].format(name=login.display_name)
    what = texts["code"].format(of=of)
    until, end = texts["code_until"], texts["code_end"]
    shown = [f"<p>{html.escape(it)}</p>" for it in (hello, what, until, end)]
    big = f'<p style="font-size:28px;letter-spacing:4px"><strong>{digits}</strong></p>'
    return Words(
        login.address,
        texts["code_subject"].format(of=of),
        "\n\n".join((hello, what, digits, until, end)) + "\n",
        "".join((*shown[:2], big, *shown[2:])),
    )


def _of(login: ContactLogin, organisation: str) -> str:
    return _TEXTS[login.language]["of"].format(organisation=organisation) if organisation else ""


def _sms(login: ContactLogin, text: str, organisation: str) -> Words:
    """Returns an SMS that begins with who sends it, as far as there is room in one segment.

    In ASCII, of which more goes into one.
    """
    parts = unicodedata.normalize("NFKD", organisation.replace("đ", "d").replace("Đ", "D"))
    room = max(0, min(_LONGEST_SENDER, _SEGMENT - len(text) - len(": ")))
    sender = parts.encode("ascii", "ignore").decode()[:room].strip()
    return Words(login.address, "", f"{sender}: {text}" if sender else text, "", Channel.SMS)
