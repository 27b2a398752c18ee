"""Starts the gateway: no argument serves, `settings` prints a table of the settings."""

import sys

from chassis import config, logging
from services.gateway.config import Settings


def main(command: list[str]) -> None:
    """Run one command; exits with 2 and one line on stderr for wrong settings."""
    if command == ["settings"]:
        sys.stdout.write("| setting | type | default | why |\n|---|---|---|---|\n")
        for row in config.table(Settings):
            sys.stdout.write(f"| `{row.name}` | {row.type} | {row.default} | {row.why} |\n")
        return
    if command not in ([], ["migrate"]):
        sys.stderr.write("usage: gateway [migrate | settings]\n")
        raise SystemExit(2)
    try:
        settings = config.load(Settings)
    except config.SettingsError as wrong:
        sys.stderr.write(f"gateway: {wrong}\n")
        raise SystemExit(2) from None
    logging.configure(settings, "gateway")
    if command == ["migrate"]:
        return  # there is no database; the command exists so that every service has it
    from services.gateway.server import Server

    Server(settings).run()


if __name__ == "__main__":
    main(sys.argv[1:])
