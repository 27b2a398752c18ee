"""What customers are sent: invitations to the portal and one-time codes, by e-mail or SMS."""

import html
from collections.abc import Mapping
from urllib.parse import urlsplit

from services.accounts.domain.letters import Words, mail
from services.accounts.domain.logins import Channel, ContactLogin

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "hello": "Chào {name},",
        "invitation_subject": "Mời bạn vào trang khách hàng",
        "invitation": "Tại trang khách hàng, bạn xem được báo giá, lịch hẹn và chọn cách chúng tôi"
        " liên hệ với bạn. Bạn đăng nhập bằng {address}.",
        "invitation_open": "Mở trang khách hàng",
        "invitation_until": "Liên kết dùng được một lần, trong 7 ngày. Sau đó bạn đăng nhập bằng"
        " mã gửi đến địa chỉ này.",
        "invitation_end": "Nếu bạn không biết gì về việc này, hãy bỏ qua thư này.",
        "invitation_sms": "Moi ban vao trang khach hang (dung 1 lan, trong 7 ngay): {link}",
        "code_subject": "Mã đăng nhập của bạn",
        "code": "Mã đăng nhập của bạn là:",
        "code_until": "Mã có hiệu lực trong 10 phút và chỉ dùng được một lần.",
        "code_end": "Đừng đưa mã này cho ai. Nếu bạn không đăng nhập, hãy bỏ qua thư này.",
        "code_sms": "{code} la ma dang nhap cua ban, trong 10 phut. Dung dua ma nay cho ai.",
    },
    "en": {
        "hello": "Hello {name},",
        "invitation_subject": "You are invited to our customer portal",
        "invitation": "In the portal you see your proposals and appointments, and choose how we"
        " reach you. You sign in with {address}.",
        "invitation_open": "Open the portal",
        "invitation_until": "The link works once, for 7 days. After that you sign in with a code"
        " sent to this address.",
        "invitation_end": "If you know nothing of this, ignore this mail.",
        "invitation_sms": "You are invited to our customer portal (once, for 7 days): {link}",
        "code_subject": "Your sign-in code",
        "code": "Your sign-in code is:",
        "code_until": "It works once, for 10 minutes.",
        "code_end": "Give it to nobody. If you are not signing in, ignore this mail.",
        "code_sms": "{code} is your sign-in code, for 10 minutes. Give it to nobody.",
    },
}


def invitation(login: ContactLogin, link: str) -> Words:
    """Returns the message that invites a customer."""
    texts = _TEXTS[login.language]
    if login.channel is Channel.SMS:
        return _sms(login, texts["invitation_sms"].format(link=link))
    said = {"name": login.display_name, "address": login.address}
    hello, what, until, end = (
        texts[key].format(**said)
        for key in ("hello", "invitation", "invitation_until", "invitation_end")
    )
    opens = texts["invitation_open"]
    subject = texts["invitation_subject"]
    return mail(login.address, subject, (hello, what), (link, opens), (until, end))


def code(login: ContactLogin, digits: str, portal_url: str) -> Words:
    """Returns the message that brings a code; phones offer that of an SMS to the page by itself."""
    texts = _TEXTS[login.language]
    if login.channel is Channel.SMS:
        # https://wicg.github.io/sms-one-time-codes: bound to the page's host, in the last line.
        bound = f"@{urlsplit(portal_url).hostname} #{digits}"
        return _sms(login, f"{texts['code_sms'].format(code=digits)}\n\n{bound}")
    hello = texts["hello"].format(name=login.display_name)
    until, end = texts["code_until"], texts["code_end"]
    shown = [f"<p>{html.escape(it)}</p>" for it in (hello, texts["code"], until, end)]
    big = f'<p style="font-size:28px;letter-spacing:4px"><strong>{digits}</strong></p>'
    return Words(
        login.address,
        texts["code_subject"],
        "\n\n".join((hello, texts["code"], digits, until, end)) + "\n",
        "".join((*shown[:2], big, *shown[2:])),
    )


def _sms(login: ContactLogin, text: str) -> Words:
    return Words(login.address, "", text, "", Channel.SMS)
