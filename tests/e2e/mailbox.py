"""A Postfix of a test's own: its queue, its configuration, its mailboxes, a port on loopback."""

import mailbox
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import ports

DOMAIN = "hopthu.example"
RETURN_DOMAIN = "tra.cuulongxanh.example"
CLOSED = "da-dong"
"""Whose mails are taken, and come back."""
SECONDS = 20.0
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
# 67 is "no such user": what `closed` takes comes back. `returned` may get mails before there is a
# command; /bin/sh fails then, which loses them, so a test sets it first.
_SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
closed unix - n n - - pipe flags=q user=nobody argv=/bin/sh -c {{exit 67}}
returned unix - n n - 4 pipe flags=q user=nobody argv=/bin/sh {folder}/etc/returned ${{recipient}}
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def why_not() -> str:
    """Why no Postfix runs here; empty when one does."""
    if not os.environ.get("MEKONG_MAILBOX"):
        return "make mailbox runs it"
    if shutil.which("postfix", path=_PATH) is None:
        return "Debian's postfix is not installed"
    return "" if os.geteuid() == 0 else "only root can start a Postfix"


@dataclass(frozen=True)
class Postfix:
    """A running one; `log` is what it says of each mail."""

    port: int
    folder: Path

    @property
    def log(self) -> str:
        """What it wrote so far."""
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""

    def returns_to(self, command: str) -> None:
        """Has what comes back piped to a command; the address it came to is its last argument."""
        (self.folder / "etc" / "returned").write_text(f'exec {command} "$1"\n')

    def mails(self, person: str) -> list[bytes]:
        """What lies in somebody's mailbox, as it was delivered."""
        box = mailbox.Maildir(self.folder / "mail" / person, create=False)
        return [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118 (it iterates mails)

    def arrived(self, person: str, count: int = 1) -> list[bytes]:
        """The same, once so many are there."""
        deadline = time.monotonic() + SECONDS
        while not (self.folder / "mail" / person).exists() or len(self.mails(person)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no mail for {person}:\n{self.log}")
            time.sleep(0.1)
        return self.mails(person)


@contextmanager
def postfix(people: Sequence[str]) -> Iterator[Postfix]:
    """Runs one that has mailboxes for `people` at `DOMAIN` until the block ends."""
    # Not in pytest's folder: Postfix's own user has to get in.
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    folder.chmod(0o755)
    made = Postfix(ports.free(), folder)
    _configure(made, people)
    control = ["postfix", "-c", str(folder / "etc")]
    _run([*control, "start"])
    try:
        deadline = time.monotonic() + SECONDS
        while not ports.answers(made.port):
            if time.monotonic() > deadline:
                raise TimeoutError(made.log)
            time.sleep(0.05)
        yield made
    finally:
        _run([*control, "stop"])
        shutil.rmtree(folder)


def _configure(made: Postfix, people: Sequence[str]) -> None:
    nobody, owner = pwd.getpwnam("nobody"), pwd.getpwnam("postfix")
    for name, owned_by in (("etc", 0), ("queue", 0), ("data", owner.pw_uid), ("mail", 0)):
        (made.folder / name).mkdir(mode=0o755)
        os.chown(made.folder / name, owned_by, 0)
    os.chown(made.folder / "mail", nobody.pw_uid, nobody.pw_gid)
    boxes = "".join(f"{person}@{DOMAIN} {person}/\n" for person in (*people, CLOSED))
    (made.folder / "etc" / "boxes").write_text(boxes)
    transports = f"{CLOSED}@{DOMAIN} closed:\n{RETURN_DOMAIN} returned:\n"
    (made.folder / "etc" / "transports").write_text(transports)
    settings = {
        "compatibility_level": "3.6",
        "queue_directory": made.folder / "queue",
        "data_directory": made.folder / "data",
        "maillog_file": made.folder / "log",
        "maillog_file_prefixes": made.folder,
        "myhostname": f"mx.{DOMAIN}",
        "mydestination": "",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "mynetworks": "127.0.0.1/32",
        "alias_maps": "",
        "local_recipient_maps": "",
        "smtpd_tls_security_level": "none",
        "virtual_mailbox_domains": DOMAIN,
        "virtual_mailbox_base": made.folder / "mail",
        "virtual_mailbox_maps": f"texthash:{made.folder / 'etc' / 'boxes'}",
        "transport_maps": f"texthash:{made.folder / 'etc' / 'transports'}",
        "virtual_uid_maps": f"static:{nobody.pw_uid}",
        "virtual_gid_maps": f"static:{nobody.pw_gid}",
    }
    main = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (made.folder / "etc" / "main.cf").write_text(main)
    (made.folder / "etc" / "master.cf").write_text(
        _SERVICES.format(port=made.port, folder=made.folder)
    )


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": _PATH},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
