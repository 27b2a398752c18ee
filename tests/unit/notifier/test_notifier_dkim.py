"""Signatures hold for a verifier that is not ours, whatever the mail."""

from pathlib import Path

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.config import SettingsError
from services.notifier.channels import dkim, mime
from services.notifier.channels.dkim import __main__ as command
from services.notifier.channels.dkim import keys
from services.notifier.domain.states import Purpose
from tests.unit.notifier.domain_parts import sender
from tests.unit.notifier.test_notifier_mime import DATE, KEY

RSA = keys.generate(rsa=True)
ED25519 = keys.generate(rsa=False)
DNS = {"r1._domainkey.song.vn.": keys.record(RSA), "e1._domainkey.song.vn.": keys.record(ED25519)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key of each algorithm, and what Kubernetes leaves beside mounted secrets."""
    made = tmp_path_factory.mktemp("dkim")
    (made / "r1._domainkey.song.vn").write_bytes(keys.pem(RSA))
    (made / "e1._domainkey.song.vn").write_bytes(keys.pem(ED25519))
    (made / "..data").mkdir()
    return made


def lookup(name: bytes, timeout: int = 5) -> bytes:
    """The DNS."""
    return DNS.get(name.decode(), "").encode()


def holds(mail: bytes, at: int) -> bool:
    """What dkimpy says of one signature."""
    try:
        return bool(dkimpy.DKIM(mail).verify(idx=at, dnsfunc=lookup))
    except dkimpy.ValidationError:
        return False


def verified(raw: bytes) -> list[bool]:
    """What dkimpy says of each signature of a mail as it goes over the wire."""
    mail = raw.replace(b"\r\n..", b"\r\n.")
    count = mail.partition(b"\r\n\r\n")[0].count(b"DKIM-Signature:")
    return [holds(mail, at) for at in range(count)]


BOTH = dkim.Signer(
    [
        keys.parse("r1._domainkey.song.vn", keys.pem(RSA)),
        keys.parse("e1._domainkey.song.vn", keys.pem(ED25519)),
    ]
)
CHEAP = dkim.Signer([keys.parse("e1._domainkey.song.vn", keys.pem(ED25519))])


def composed(sign: dkim.Signer, subject: str, html: str, text: str, **of: str) -> bytes:
    """A signed mail as it goes after DATA."""
    fields = {"display_name": "Sông Hồng", "address": "tin@song.vn", **of}
    composer = mime.Composer(
        sender(**fields), Purpose.MARKETING, domain="m.vn", stream="run", sign=sign
    )
    mail = mime.Mail(KEY, "dao@example.vn", subject, html, text, "https://m.vn/u/t", DATE)
    return composer.compose(mail)


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400)
LINES = st.text(alphabet="a. \t\n\r=-\u1ea1", max_size=300)


class TestSignature:
    @given(subject=TEXT, html=TEXT | LINES, text=TEXT | LINES, name=TEXT)
    def test_both_algorithms_hold_for_any_mail(
        self, subject: str, html: str, text: str, name: str
    ) -> None:
        raw = composed(BOTH, subject, html, text, display_name=name, reply_to="re@song.vn")

        assert verified(raw) == [True, True]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "\n\n\n",
            "x\n\n\n",
            "  \n \n",
            ".\n..\n.x",
            "dài " * 5_000,
            "a" * 9_000,
            "\tx  y\t\n",
        ],
    )
    @pytest.mark.parametrize("html", ["", "<p>Chào</p>"])
    def test_it_holds_for_odd_bodies(self, text: str, html: str) -> None:
        assert verified(composed(BOTH, "Chào Đào", html, text)) == [True, True]

    def test_what_was_changed_on_its_way_no_longer_holds(self) -> None:
        raw = composed(CHEAP, "Chào", "", "abc")

        assert verified(raw) == [True]
        assert verified(raw.replace(b"\r\nabc", b"\r\nabd")) == [False]
        assert verified(raw.replace(b"dao@example.vn", b"hoa@example.vn")) == [False]

    def test_a_from_that_somebody_adds_breaks_it(self) -> None:
        raw = composed(CHEAP, "Chào", "", "abc")

        with_another = raw.replace(b"\r\nFrom:", b"\r\nFrom: boss@song.vn\r\nFrom:")

        assert verified(with_another) == [False]

    def test_it_covers_all_that_a_reader_acts_on(self) -> None:
        raw = composed(CHEAP, "Chào", "<p>a</p>", "a", reply_to="re@song.vn")

        head = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b"")
        covered = head.partition(b"h=")[2].partition(b";")[0].decode().split(":")
        assert covered.count("from") == 2
        assert set(covered) == {
            *("from", "to", "subject", "date", "message-id", "reply-to", "mime-version"),
            *("content-type", "list-unsubscribe", "list-unsubscribe-post", "list-id"),
            *("feedback-id", "auto-submitted"),
        }

    def test_its_lines_are_short(self) -> None:
        head = composed(BOTH, "Chào", "", "a").partition(b"\r\nFrom:")[0]

        assert max(map(len, head.split(b"\r\n"))) <= 120

    @settings(max_examples=20)
    @given(html=TEXT)
    def test_a_draft_finished_later_is_the_same_mail(self, html: str) -> None:
        composer = mime.Composer(
            sender(address="tin@song.vn"), Purpose.CARE, domain="m.vn", stream="s", sign=CHEAP
        )
        mail = mime.Mail(KEY, "dao@example.vn", "x", html, "", "", DATE)

        assert composer.finish(composer.draft(mail)) == composer.compose(mail)


class TestKeys:
    def test_each_domain_and_those_below_it_have_their_signer(self, folder: Path) -> None:
        found = dkim.read(folder)

        signers = [
            found.signer(it) for it in ("a@song.vn", "a@tin.SONG.vn", "a@b.vn", "a@xsong.vn")
        ]

        assert signers[0] is signers[1] is not None
        assert signers[2:] == [None, None]
        assert signers[0].slow

    def test_a_mail_has_a_signature_of_each_key(self, folder: Path) -> None:
        signer = dkim.read(folder).signer("tin@song.vn")
        assert signer is not None

        assert verified(composed(signer, "Chào", "<p>a</p>", "")) == [True, True]

    def test_no_folder_has_no_keys(self) -> None:
        assert not dkim.read(None)
        assert dkim.read(None).signer("a@song.vn") is None

    def test_a_domain_that_cannot_be_has_no_signer(self, folder: Path) -> None:
        assert dkim.read(folder).signer("a@" + "x" * 70 + ".vn") is None
        assert dkim.read(folder).signer("a") is None

    @pytest.mark.parametrize(
        ("name", "text", "why"),
        [
            ("song.vn.pem", keys.pem(ED25519), "is not SELECTOR._domainkey.DOMAIN"),
            ("a._domainkey.song.vn", b"nothing", "has no private key"),
            (
                "a._domainkey.song.vn",
                keys.pem(ec.generate_private_key(ec.SECP256R1())),  # type: ignore[arg-type]
                "is neither Ed25519 nor RSA",
            ),
            (
                "a._domainkey.song.vn",
                keys.pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505
                "is neither Ed25519 nor RSA",
            ),
        ],
    )
    def test_a_file_that_is_no_key_is_named(
        self, tmp_path: Path, name: str, text: bytes, why: str
    ) -> None:
        (tmp_path / name).write_bytes(text)

        with pytest.raises(SettingsError, match=f"{name} {why}"):
            dkim.read(tmp_path)

    def test_a_folder_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="MEKONG_DKIM_FOLDER"):
            dkim.read(tmp_path / "none")


class TestCommand:
    @pytest.mark.parametrize("more", [[], ["--rsa"]])
    def test_it_makes_a_key_and_prints_its_record(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
    ) -> None:
        folder = tmp_path / "keys"

        assert command.main([str(folder), "Song.vn", "s1", *more]) == 0

        name, _, strings = capsys.readouterr().out.strip().partition(" IN TXT ")
        record = "".join(strings.strip('"').split('" "'))
        assert name == "s1._domainkey.song.vn."
        assert (folder / name.rstrip(".")).stat().st_mode & 0o777 == 0o600
        signer = dkim.read(folder).signer("tin@song.vn")
        assert signer is not None
        raw = composed(signer, "Chào", "", "a")
        assert dkimpy.DKIM(raw).verify(dnsfunc=lambda *_, **__: record.encode())
        assert all(len(part) <= 250 for part in strings.strip('"').split('" "'))

    def test_it_replaces_no_key(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        command.main([str(tmp_path), "song.vn", "s1"])
        before = (tmp_path / "s1._domainkey.song.vn").read_bytes()

        assert command.main([str(tmp_path), "song.vn", "s1"]) == 1

        assert (tmp_path / "s1._domainkey.song.vn").read_bytes() == before
        assert "exists" in capsys.readouterr().err

    def test_it_refuses_a_name_that_cannot_be(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main([str(tmp_path), "../etc", "s1"]) == 1
        assert list(tmp_path.iterdir()) == []
