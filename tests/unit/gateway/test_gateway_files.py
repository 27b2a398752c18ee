"""Files that are being sent hold places, and give them back however they end."""

import itertools
from collections.abc import Iterator

import pytest
from flask import Response
from werkzeug.test import create_environ, run_wsgi_app

from chassis import errors
from services.gateway.files import Files


def stream(files: Files, whose: str = "", parts: Iterator[bytes] | None = None) -> Response:
    return files.stream(parts or iter([b"a", b"b"]), "text/plain", "a.txt", whose=whose)


class TestPlaces:
    def test_there_are_so_many_and_no_more(self) -> None:
        files = Files(2)
        for _ in range(2):
            stream(files)

        with pytest.raises(errors.ResourceExhausted):
            stream(files)

    def test_one_person_has_one_and_leaves_the_others_theirs(self) -> None:
        files = Files(2)
        first = stream(files, "lan")

        with pytest.raises(errors.ResourceExhausted):
            stream(files, "lan")
        stream(files, "binh")
        first.close()
        assert stream(files, "lan")

    def test_what_fails_at_once_gives_its_place_back(self) -> None:
        def failing() -> Iterator[bytes]:
            raise errors.Unavailable("PEER_UNAVAILABLE", "away", peer="leads")
            yield b""

        files = Files(1)
        for _ in range(3):
            with pytest.raises(errors.Unavailable):
                stream(files, "lan", failing())

    def test_nothing_is_asked_for_who_gets_no_place(self) -> None:
        asked = []

        def asking() -> Iterator[bytes]:
            asked.append(1)
            yield b"x"

        files = Files(1)
        stream(files)
        with pytest.raises(errors.ResourceExhausted):
            stream(files, "lan", asking())

        assert asked == []

    @pytest.mark.parametrize(("method", "read"), [("GET", 1), ("GET", 9), ("HEAD", 1)])
    def test_a_server_that_ends_an_answer_gives_its_place_back(
        self, method: str, read: int
    ) -> None:
        files = Files(1)
        answer, _, _ = run_wsgi_app(stream(files, "lan"), create_environ(method=method))
        for _ in itertools.islice(answer, read):
            pass
        with pytest.raises(errors.ResourceExhausted):
            stream(files, "binh")

        answer.close()  # type: ignore[attr-defined]

        assert stream(files, "lan")
