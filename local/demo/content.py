"""What the main job sends: one advertiser, one e-mail and one SMS of care, in Vietnamese."""

from typing import Any

ADVERTISER = {
    "name": "Công ty Cửu Long Xanh (mẫu)",
    "postal_address": "1 Hòa Bình, Phường Ninh Kiều, Thành phố Cần Thơ",
    "contact": "chamsoc@cuulongxanh.example",
}
SENDERS: dict[str, dict[str, Any]] = {
    "EMAIL": {
        "address": "chamsoc@cuulongxanh.example",
        "display_name": "Cửu Long Xanh",
        "reply_to": "hoidap@cuulongxanh.example",
    },
    "SMS": {"address": "CUULONG"},
}
STAFF_SENDER: dict[str, Any] = {
    "address": "noibo@cuulongxanh.example",
    "display_name": "Cửu Long Xanh · nội bộ",
}
EMAIL_HTML = """\
<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>Cảm ơn</title></head>
<body style="margin:0;background:#f4f6f4;font-family:Arial,Helvetica,sans-serif;color:#1d2b24">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>
<td align="center" style="padding:24px 12px">
<table role="presentation" cellpadding="0" cellspacing="0"
 style="width:100%;max-width:560px;background:#fff;border-radius:8px">
<tr><td style="background:#0b6b4f;color:#fff;padding:20px 28px;border-radius:8px 8px 0 0">
<strong>Cửu Long Xanh</strong></td></tr>
<tr><td style="padding:28px;font-size:16px;line-height:1.55">
<p>Chào {{ salutation | default("bạn") }} {{ given_name | default("") }},</p>
<p>Cảm ơn {{ salutation | default("bạn") }} đã đồng hành cùng Cửu Long Xanh.
{% if province %}Đội chăm sóc tại {{ province }} luôn sẵn sàng hỗ trợ.{% endif %}</p>
<p>Lịch chăm sóc định kỳ của {{ salutation | default("bạn") }} đã được cập nhật. Nếu cần đổi
thời gian, xin trả lời thư này.</p>
<p>Trân trọng,<br>Đội chăm sóc khách hàng</p></td></tr>
<tr><td style="padding:0 28px 24px;font-size:12px;color:#52605a">
{{ advertiser_name }} · {{ advertiser_address }}<br>
<a href="{{ unsubscribe_url }}" style="color:#0b6b4f">Từ chối nhận tin</a></td></tr>
</table></td></tr></table></body></html>
"""
TEMPLATES: dict[str, dict[str, str]] = {
    "EMAIL": {
        "name": "Thư cảm ơn",
        "subject": "{{ given_name | default('Bạn') }} ơi, lịch chăm sóc đã được cập nhật",
        "html": EMAIL_HTML,
    },
    "SMS": {
        "name": "Tin cảm ơn",
        "text": "Cuu Long Xanh cam on quy khach da dong hanh. "
        "Lich cham soc cua quy khach da duoc cap nhat. Hoi dap: 1900 0000",
    },
}
TITLES = {"EMAIL": "Cảm ơn qua e-mail", "SMS": "Cảm ơn qua SMS"}
