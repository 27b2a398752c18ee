"""What users are told by mail of changes to how they sign in, so that they notice a stranger's."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from services.accounts.domain.letters import Kind, Words, mail
from services.accounts.domain.people import User

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "hello": "Chào {name},",
        "subject": "Có phải bạn không? Cách đăng nhập Mekong của bạn đã thay đổi",
        "password_changed": "Mật khẩu Mekong của bạn đã được đổi, bởi người biết mật khẩu cũ.",
        "password_set": "Quản trị viên Mekong đã đặt mật khẩu khác cho bạn.",
        "password_reset": "Mật khẩu Mekong mới đã được chọn bằng liên kết gửi đến địa chỉ này.",
        "factor_enrolled": "Từ nay đăng nhập Mekong cần thêm mã từ ứng dụng xác thực.",
        "factor_removed": "Bước xác minh thứ hai đã tắt: đăng nhập Mekong không cần mã nữa.",
        "factor_reset": "Quản trị viên Mekong đã tắt bước xác minh thứ hai của bạn: đăng nhập"
        " không cần mã nữa.",
        "codes_replaced": "Mã khôi phục mới đã được tạo; các mã cũ không còn dùng được.",
        "oidc_linked": "Tài khoản Mekong của bạn đã được liên kết với tài khoản ở nhà cung cấp"
        " đăng nhập của công ty: từ nay có thể đăng nhập qua đó.",
        "oidc_unlinked": "Liên kết giữa tài khoản Mekong của bạn và nhà cung cấp đăng nhập của"
        " công ty đã được gỡ.",
        "oidc_reset": "Quản trị viên Mekong đã gỡ liên kết giữa tài khoản của bạn và nhà cung cấp"
        " đăng nhập của công ty.",
        "when": "Lúc: {time}.",
        "you": "Nếu đó là bạn, bạn không cần làm gì.",
        "not_you": "Nếu không phải bạn, hãy báo ngay cho người quản trị Mekong ở công ty bạn. Nếu"
        " còn đăng nhập được, hãy đổi mật khẩu và kết thúc các phiên đăng nhập khác:",
        "open": "Mở tài khoản của tôi",
        "end": "Chúng tôi không bao giờ hỏi mật khẩu hay mã qua thư.",
    },
    "en": {
        "hello": "Hello {name},",
        "subject": "Was it you? How you sign in to Mekong has changed",
        "password_changed": "Your Mekong password was changed, by somebody who knew the old one.",
        "password_set": "An administrator of Mekong set another password for you.",
        "password_reset": "A new Mekong password was chosen by a link sent to this address.",
        "factor_enrolled": "From now on signing in to Mekong asks for a code of an authenticator.",
        "factor_removed": "The second step was turned off: signing in to Mekong asks for no codes.",
        "factor_reset": "An administrator of Mekong turned off your second step: signing in asks"
        " for no codes.",
        "codes_replaced": "New recovery codes were made; those before no longer work.",
        "oidc_linked": "Your Mekong account was linked to an account at your company's sign-in"
        " provider: from now on one can sign in there.",
        "oidc_unlinked": "Your Mekong account was unlinked from your company's sign-in provider.",
        "oidc_reset": "An administrator of Mekong unlinked your account from your company's"
        " sign-in provider.",
        "when": "When: {time}.",
        "you": "If it was you, there is nothing to do.",
        "not_you": "If it was not you, tell whoever administers Mekong in your company at once. If"
        " you can still sign in, change your password and end the other sessions:",
        "open": "Open my account",
        "end": "We never ask for passwords or codes by mail.",
    },
}
_TIMES: Mapping[str, str] = {"vi": "%d/%m/%Y %H:%M", "en": "%d %b %Y, %H:%M"}


def written(kind: Kind, reader: User, changed: datetime, page: str) -> Words:
    """Returns the e-mail that asks a user whether a change was theirs; `page` is the account's."""
    language = reader.locale if reader.locale in _TEXTS else "vi"
    texts = _TEXTS[language]
    there = changed.astimezone(ZoneInfo(reader.time_zone))
    time = f"{there:{_TIMES[language]}} ({reader.time_zone})"
    hello, when = texts["hello"].format(name=reader.display_name), texts["when"].format(time=time)
    before = (hello, texts[kind], when, texts["you"], texts["not_you"])
    return mail(reader.email, texts["subject"], before, (page, texts["open"]), (texts["end"],))
