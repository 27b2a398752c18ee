"""No name leads to a file that was not meant."""

from typing import Any

import pytest
from crm.interactions.v1 import proposal_pb2
from flask import Flask

from services.gateway import downloads

CLIMBING = [
    "../config.py",
    "..%2fconfig.py",
    "%2e%2e/config.py",
    "%2e%2e%2fconfig.py",
    "..%5cconfig.py",
    "....//config.py",
    "dist/../../config.py",
    "dist/..%252f..%252fconfig.py",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "\x00",
    "dist/manifest.json%00.css",
    "..;/config.py",
    "%c0%ae%c0%ae/config.py",
    "dist",
    "dist/",
    ".",
    "",
]


class TestAssets:
    @pytest.mark.parametrize("path", CLIMBING)
    def test_nothing_beside_them_is_served(self, http: Any, path: str) -> None:
        answer = http.get(f"/static/{path}")

        assert answer.status_code in (301, 308, 404)
        assert b"root:" not in answer.data
        assert b"class Settings" not in answer.data


class TestDownloads:
    @pytest.mark.parametrize("path", CLIMBING)
    def test_a_name_in_an_address_is_only_passed_on(
        self, gateway: Flask, http: Any, willing: Any, path: str
    ) -> None:
        answer = http.get(f"/p/token/files/{path}")

        assert b"root:" not in answer.data
        assert answer.status_code in (200, 301, 308, 400, 404)

    @pytest.mark.parametrize("name", ["../../evil.pdf", "a/b.pdf", "C:\\evil.pdf", "ả/ẩ.pdf"])
    def test_a_name_that_is_told_has_no_path(self, name: str) -> None:
        file = proposal_pb2.ProposalFile(data=b"%PDF", file_name=name, media_type="application/pdf")

        said = downloads.disposition("attachment", file.file_name)

        plain = said.split("; filename*=")[0]
        assert "/" not in plain
        assert "\\" not in plain
