"""The notifier as a process: settings it cannot work with end it with one line."""

import os
import subprocess
import sys
from pathlib import Path

from local.home import ROOT

NEEDED = {
    "MEKONG_SEAL_KEY": "seal" * 8,
    "MEKONG_DATABASE_URL": "postgresql+psycopg://x@127.0.0.1:1/x",
    "MEKONG_NATS_URL": "nats://127.0.0.1:1",
    "MEKONG_ISSUER_URL": "http://127.0.0.1:1",
    "MEKONG_CLIENT_ID": "notifier",
    "MEKONG_CLIENT_SECRET": "secret",
    "MEKONG_CAMPAIGNS_ADDRESS": "127.0.0.1:1",
    "MEKONG_MAC_KEY": "mac" * 8,
    "MEKONG_SMTP_URL": "smtp://127.0.0.1:1",
}


def started(**settings: str) -> subprocess.CompletedProcess[str]:
    """A notifier that must end by itself."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "gen")])
    return subprocess.run(
        [sys.executable, "-m", "services.notifier"],
        env={"PYTHONPATH": path, "PATH": os.environ["PATH"], **NEEDED, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class TestWrongFiles:
    def test_a_key_nobody_can_sign_with_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "s1._domainkey.song.vn").write_text("not a key")

        ended = started(MEKONG_DKIM_FOLDER=str(tmp_path))

        assert ended.returncode == 2
        assert "s1._domainkey.song.vn has no private key in PEM" in ended.stderr
        assert "Traceback" not in ended.stderr
