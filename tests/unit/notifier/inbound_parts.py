"""Mails as servers write them when something comes back, in the form of each."""

ADDRESS = "dao@example.vn"
ORIGINAL = """\
Return-Path: <{path}>
From: Song Hong <news@songhong.vn>
To: dao@example.vn
Subject: Chao
Message-ID: <0192f3a0-0000-8000-8000-000000000001@mekong.localhost>
List-Unsubscribe: <https://crm.example.vn/u/{link}>
Content-Type: text/plain

Chao Dao
"""


def report(
    fields: str, *, text: str = "Sorry.", original: str = "message/rfc822", more: str = ""
) -> bytes:
    """A delivery status notification with these fields of its recipients."""
    return f"""\
From: MAILER-DAEMON@mx.example.vn (Mail Delivery System)
To: b-00@mekong.localhost
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
{more}Content-Type: multipart/report; report-type=delivery-status;
\tboundary="=_1"

This is a MIME-encapsulated message.

--=_1
Content-Description: Notification
Content-Type: text/plain; charset=utf-8

{text}

--=_1
Content-Description: Delivery report
Content-Type: message/delivery-status

{fields}
--=_1
Content-Type: {original}

{ORIGINAL.format(path="b-00@mekong.localhost", link="x" * 72)}
--=_1--
""".encode()


def postfix(status: str = "5.1.1", said: str = "550 5.1.1 <dao@example.vn>: unknown") -> bytes:
    """As Postfix writes it: folded fields, and each address in the form of RFC 822."""
    code, _, rest = said.partition(" ")
    return report(f"""\
Reporting-MTA: dns; mx.example.vn
X-Postfix-Queue-ID: 4XbCdE1234z
X-Postfix-Sender: rfc822; b-00@mekong.localhost
Arrival-Date: Mon, 16 Nov 2026 07:00:00 +0700 (+07)

Final-Recipient: rfc822; dao@example.vn
Original-Recipient: rfc822;dao@example.vn
Action: failed
Status: {status}
Remote-MTA: dns; mail.example.vn
Diagnostic-Code: smtp; {code}
    {rest}
""")


def exchange() -> bytes:
    """As Exchange Online writes it: precise codes, words of its own."""
    return report("""\
Reporting-MTA: dns;SG2PR01MB0001.apcprd01.example
Received-From-MTA: dns;out.example.vn
Arrival-Date: Mon, 16 Nov 2026 00:00:00 +0000

Final-Recipient: rfc822;dao@example.vn
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; dao@example.vn not found
X-Display-Name: dao@example.vn
""")


def gmail() -> bytes:
    """As Gmail writes it for a mailbox that is over its quota: many lines in one field."""
    return report(
        """\
Reporting-MTA: dns; googlemail.example
Received-From-MTA: dns; b-00@mekong.localhost
Arrival-Date: Mon, 16 Nov 2026 00:00:00 -0800 (PST)
X-Original-Message-ID: <0192f3a0-0000-8000-8000-000000000001@mekong.localhost>

Final-Recipient: rfc822; dao@example.vn
Action: failed
Status: 5.2.2
Remote-MTA: dns; mx.example.vn. (192.0.2.1, the server for the domain example.vn.)
Diagnostic-Code: smtp; 552-5.2.2 The recipient's inbox is out of storage space. Please direct
 552-5.2.2 the recipient to their help page
 552 5.2.2 for more - gsmtp
Last-Attempt-Date: Mon, 16 Nov 2026 00:00:01 -0800 (PST)
""",
        more="X-Failed-Recipients: dao@example.vn\n",
    )


def exim() -> bytes:
    """As older Exims write it: no report, only a header and what the other server said."""
    return b"""\
Return-path: <>
From: Mail Delivery System <Mailer-Daemon@mx.example.vn>
To: b-00@mekong.localhost
X-Failed-Recipients: dao@example.vn
Auto-Submitted: auto-replied
Subject: Mail delivery failed: returning message to sender

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  dao@example.vn
    host mail.example.vn [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<dao@example.vn>:
    550 5.2.1 The mailbox is disabled
"""


def of_one(action: str, *lines: str) -> bytes:
    """A report of one recipient with this action."""
    fields = "\n".join(["Final-Recipient: rfc822;dao@example.vn", f"Action: {action}", *lines])
    return report(f"Reporting-MTA: dns; mx\n\n{fields}\n")


def complaint(
    path: str = "b-00@mekong.localhost",
    *,
    what: str = "abuse",
    link: str = "x" * 72,
    from_: str = "",
    original: str = "message/rfc822",
) -> bytes:
    """A feedback report about a mail with this return path and link."""
    told = f"Original-Mail-From: {from_}\n" if from_ else ""
    return f"""\
From: <feedback@isp.example>
To: <fbl@mekong.localhost>
Subject: FW: Chao
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary="part1"

--part1
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--part1
Content-Type: message/feedback-report

Feedback-Type: {what}
User-Agent: Loop/1.0
Version: 1
{told}
--part1
Content-Type: {original}

{ORIGINAL.format(path=path, link=link)}
--part1--
""".encode()


def vacation() -> bytes:
    """A machine's answer."""
    return b"""\
From: Dao <dao@example.vn>
To: b-00@mekong.localhost
Subject: Re: Chao
Auto-Submitted: auto-replied (vacation)

I am away until Monday; 550 5.1.1 is not what I mean.
"""
