"""Makes a key: `python -m services.notifier.channels.dkim FOLDER DOMAIN SELECTOR [--rsa]`.

Writes FOLDER/SELECTOR._domainkey.DOMAIN and prints the record to put into the DNS.
"""

import argparse
import os
import sys
from pathlib import Path

from chassis.config import SettingsError
from services.notifier.channels.dkim import keys

_STRING = 250


def main(argv: list[str]) -> int:
    """Makes one key; refuses to replace another."""
    parser = argparse.ArgumentParser(prog="dkim", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("domain")
    parser.add_argument("selector")
    parser.add_argument("--rsa", action="store_true", help="RSA of 2048 bits; else Ed25519")
    given = parser.parse_args(argv)
    name = f"{given.selector}._domainkey.{given.domain}".lower()
    private = keys.generate(rsa=given.rsa)
    pem = keys.pem(private)
    try:
        keys.parse(name, pem)
        given.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(given.folder / name, _NEW, 0o600), "wb") as out:
            out.write(pem)
    except (SettingsError, OSError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 1
    sys.stdout.write(f"{name}. IN TXT {_strings(keys.record(private))}\n")
    return 0


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def _strings(text: str) -> str:
    """A TXT record as a zone file has it: no string of it is longer than 255 bytes."""
    return " ".join(f'"{text[at : at + _STRING]}"' for at in range(0, len(text), _STRING))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
