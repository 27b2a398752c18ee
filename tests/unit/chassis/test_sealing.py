"""What is sealed opens in its place only, under keys that turn while processes run."""

import base64
import os
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from chassis import sealing
from chassis.sealing import MARK, Keys, KeysUnreadable, SealBroken

PLACE = "contacts/description/1"


def line(name: str, byte: int = 0) -> str:
    return f"{name} {base64.b64encode(bytes([byte]) * 32).decode()}\n"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(line("one"))
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(file: Path, clock: Clock) -> Keys:
    return Keys(file, clock=clock)


def turn(file: Path, text: str, clock: Clock) -> None:
    """Put another file in its place, as a mounted Secret does."""
    fresh = file.with_name("fresh")
    fresh.write_text(text)
    fresh.replace(file)
    clock.now += 2


class TestSealing:
    @given(st.text(alphabet=st.characters(exclude_characters=MARK, codec="utf-8"), min_size=1))
    def test_any_text_comes_back_and_shows_nowhere(self, text: str) -> None:
        keys = Keys()
        keys._keys = {"k": sealing.AESGCM(bytes(32))}

        sealed = keys.seal(text, PLACE)

        assert sealed.startswith(f"{MARK}k{MARK}")
        assert len(text) < 4 or text not in sealed
        assert keys.open(sealed, PLACE) == text

    def test_it_opens_in_its_own_place_only(self, keys: Keys) -> None:
        sealed = keys.seal("bí mật", PLACE)

        for other in ("contacts/description/2", "contacts/company/1", "notes/description/1", ""):
            with pytest.raises(SealBroken):
                keys.open(sealed, other)

    def test_a_changed_letter_is_noticed(self, keys: Keys) -> None:
        sealed = keys.seal("bí mật", PLACE)
        head, body = sealed[:5], sealed[5:]

        # Of the last letter some bits may stand for nothing.
        for at in range(len(body.rstrip("=")) - 1):
            other = "A" if body[at] != "A" else "B"
            with pytest.raises(SealBroken):
                keys.open(f"{head}{body[:at]}{other}{body[at + 1 :]}", PLACE)

    @pytest.mark.parametrize(
        "text", [f"{MARK}one{MARK}", f"{MARK}one{MARK}!!", f"{MARK}x{MARK}AAAA"]
    )
    def test_what_was_never_sealed_does_not_open(self, keys: Keys, text: str) -> None:
        with pytest.raises(SealBroken):
            keys.open(text, PLACE)

    def test_the_same_text_is_never_sealed_alike(self, keys: Keys) -> None:
        assert len({keys.seal("x", PLACE) for _ in range(100)}) == 100

    def test_nothing_and_what_is_plain_stay_as_they_are(self, keys: Keys) -> None:
        assert keys.seal("", PLACE) == ""
        assert keys.open("plain", PLACE) == "plain"

    def test_without_a_file_all_stays_as_it_is(self) -> None:
        assert Keys().seal("plain", PLACE) == "plain"
        assert Keys().newest == ""

    def test_who_sealed_it_is_told(self, keys: Keys) -> None:
        assert sealing.key_of(keys.seal("x", PLACE)) == "one"
        assert sealing.key_of("plain") == ""

    def test_bytes_may_belong_to_bytes(self) -> None:
        key = sealing.new_key()

        sealed = sealing.seal(key, b"x", b"\xff")

        assert sealing.unseal(key, sealed, b"\xff") == b"x"
        with pytest.raises(SealBroken):
            sealing.unseal(key, sealed, b"\xfe")


class TestTurning:
    def test_the_first_seals_and_the_others_open(
        self, keys: Keys, file: Path, clock: Clock
    ) -> None:
        old = keys.seal("x", PLACE)
        turn(file, line("two", 2) + line("one"), clock)

        new = keys.seal("x", PLACE)

        assert sealing.key_of(new) == "two"
        assert [keys.open(it, PLACE) for it in (old, new)] == ["x", "x"]

    def test_below_a_dash_keys_open_and_none_seals(self, file: Path, clock: Clock) -> None:
        sealing_keys = Keys(file, clock=clock)
        sealed = sealing_keys.seal("bí mật", PLACE)
        turn(file, f"-\n{line('one')}", clock)

        assert sealing_keys.newest == ""
        assert sealing_keys.seal("bí mật", PLACE) == "bí mật"
        assert sealing_keys.open(sealed, PLACE) == "bí mật"

    def test_a_dash_alone_is_no_key(self, file: Path) -> None:
        file.write_text("-\n")

        with pytest.raises(sealing.KeysUnreadable):
            Keys(file)

    def test_one_that_is_gone_opens_nothing(self, keys: Keys, file: Path, clock: Clock) -> None:
        old = keys.seal("x", PLACE)
        turn(file, line("two", 2), clock)

        with pytest.raises(SealBroken, match="key one"):
            keys.open(old, PLACE)

    def test_a_file_is_looked_at_every_two_seconds(
        self, keys: Keys, file: Path, clock: Clock
    ) -> None:
        file.write_text(line("two", 2))
        clock.now = 1.9
        assert keys.newest == "one"

        clock.now = 2
        assert keys.newest == "two"

    @pytest.mark.parametrize("text", ["", "rubbish\n"])
    def test_a_spoilt_one_changes_nothing_and_is_told(
        self, keys: Keys, file: Path, clock: Clock, text: str
    ) -> None:
        turn(file, text, clock)

        with structlog.testing.capture_logs() as lines:
            assert keys.newest == "one"

        assert [it["event"] for it in lines] == ["keys_unreadable"]

    def test_one_that_was_taken_away_changes_nothing(
        self, keys: Keys, file: Path, clock: Clock
    ) -> None:
        file.unlink()
        clock.now = 2

        assert keys.newest == "one"

    def test_no_key_is_in_a_log(self, keys: Keys, file: Path, clock: Clock) -> None:
        with structlog.testing.capture_logs() as lines:
            turn(file, line("two", 2), clock)
            assert keys.newest == "two"

        assert "AgIC" not in str(lines)


class TestFiles:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "no key"),
            ("one\n", "line 1: not 32 bytes"),
            (f"one {base64.b64encode(bytes(16)).decode()}\n", "line 1: not 32 bytes"),
            ("one not-base64!\n", "line 1: not 32 bytes"),
            ("o/ne AAAA\n", "line 1: no id"),
            (line("one") * 2, "line 2: no id"),
        ],
        ids=["empty", "no bytes", "few bytes", "no base64", "no id", "twice"],
    )
    def test_one_that_is_none_is_refused_with_its_line(
        self, tmp_path: Path, text: str, why: str
    ) -> None:
        path = tmp_path / "keys"
        path.write_text(text)

        with pytest.raises(KeysUnreadable, match=why):
            Keys(path)

    def test_one_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(KeysUnreadable, match="FileNotFoundError"):
            Keys(tmp_path / "nowhere")

    def test_lines_without_anything_are_passed_over(self, tmp_path: Path) -> None:
        path = tmp_path / "keys"
        path.write_bytes(os.linesep.join(["", line("one").strip(), "", line("two", 2)]).encode())

        assert Keys(path).newest == "one"
