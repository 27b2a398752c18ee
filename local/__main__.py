"""`python -m local run | demo | up | status`: the whole system on this machine."""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from local import supervisor
from local.home import ROOT, Home, read_state
from local.process import LONGEST_PAUSE_SECONDS
from local.services import HOUSE, Service

COMMANDS = {
    "run": "start everything, do the main job the first time, stay up until Ctrl-C",
    "demo": "start everything afresh, do the main job, exit 0 only if every sum holds",
    "up": "start everything and stay up until Ctrl-C",
    "status": "print what a running house says of itself, as JSON",
}
SENDERS: Mapping[str, tuple[str, ...]] = {
    "staff_sender_identity_id": ("accounts", "interactions"),
    "contact_email_identity_id": ("accounts",),
    "contact_sms_identity_id": ("accounts",),
}
"""Settings that name a sender of messages to colleagues or customers, and who is told them."""


def main(argv: list[str]) -> int:
    """Run one command; returns the exit code."""
    arguments = _arguments(argv)
    home: Path = arguments.home or ROOT / ".local"
    if arguments.command == "status":
        print(json.dumps(read_state(home), indent=2))
        return 0
    file: Path | None = arguments.file
    if file is not None and not file.is_file():
        raise SystemExit(f"{file}: there is no such file")
    if arguments.command == "demo" and arguments.home is None:
        # Known counts need an empty house, and nobody's own data is touched.
        home = home / "demo"
        shutil.rmtree(home, ignore_errors=True)
    options = supervisor.Options(
        home,
        services=_services(arguments.replicas, arguments.set),
        longest_pause=arguments.longest_pause,
    )
    house = supervisor.Supervisor(options, supervisor.to_terminal)
    missing = [it for it in SENDERS if not any(f".{it}=" in given for given in arguments.set)]
    job = None if arguments.command == "up" else _main_job(home, arguments.command, file, missing)
    return asyncio.run(house.run(job, leave=arguments.command == "demo"))


def _main_job(
    home: Path, command: str, file: Path | None, senders: Collection[str]
) -> supervisor.Job:
    async def job(state: dict[str, Any]) -> int:
        from local.demo import main as demo  # what it needs need not delay the start

        done = home / "main_job_done"
        code = 0
        if command == "demo" or file is not None or not done.exists():
            try:
                code = await demo.run(_demo_house(state), file)
                done.touch()
            except Exception:  # the house stays up, so that a person can look at what went wrong
                traceback.print_exc()
                code = 1
        else:
            supervisor.to_terminal("the data of the last run is here (make clean removes it)")
        if code == 0:
            await name_senders(home, state, senders, again=command == "run")
        if command == "run":
            _tell_addresses(state)
        return code

    return job


async def name_senders(
    home: Path, state: dict[str, Any], settings: Collection[str] = tuple(SENDERS), *, again: bool
) -> None:
    """Give the house senders of its messages to colleagues and customers.

    Who sends is stored by a house that runs, so its first start cannot know it: with `again` those
    who are told it get another life now, otherwise they know it from their next start on.
    """
    from local.demo import main as demo

    ids = await demo.senders(_demo_house(state))
    for name, process in state["processes"].items():
        told = {
            f"MEKONG_{setting.upper()}": ids[setting]
            for setting in settings
            if name.partition("-")[0] in SENDERS[setting]
        }
        changed = bool(told) and Home(home, {}).change(name, told)
        if again and changed and process["pid"] is not None:
            os.kill(process["pid"], signal.SIGTERM)


def _demo_house(state: dict[str, Any]) -> Any:
    from local.demo.api import Access
    from local.demo.main import House

    access = Access(
        api_url=state["gateway_url"],
        token_url=state["token_url"],
        client_id=state["client_id"],
        client_secret=Path(state["client_secret_file"]).read_text(),
    )
    return House(access, state["inbox_url"])


def _tell_addresses(state: dict[str, Any]) -> None:
    password_file = Path(state["first_password_file"])
    password = password_file.read_text().strip() if password_file.exists() else "as you set it"
    for label, value in (
        ("Mekong", state["gateway_url"]),
        ("sign in", f"{state['first_user']}   password: {password}"),
        ("portal", f"{state['gateway_url']}/portal"),
        ("API", f"{state['gateway_url']}/api/docs"),
        ("sandbox inbox", state["inbox_url"]),
        ("logs", f"{state['home']}/logs"),
        ("stop", "Ctrl-C"),
    ):
        print(f"  {label:<14} {value}", flush=True)


def _services(replicas: list[str], settings: list[str]) -> list[Service]:
    """Return the house with `name=count` replicas and `name.key=value` settings.

    The name in a setting is a service's, for all its processes, or that of one (`notifier-2`).
    """
    services = {service.name: service for service in HOUSE}
    for given in replicas:
        name, _, count = given.partition("=")
        if name not in services or not count.isdigit() or int(count) < 1:
            raise SystemExit(f"--replicas {given}: not NAME=COUNT of a service")
        services[name] = replace(services[name], replicas=int(count))
    owners = {instance: it.name for it in services.values() for instance in it.instances}
    for given in settings:
        key, _, value = given.partition("=")
        name, _, setting = key.partition(".")
        if name not in owners or not setting:
            raise SystemExit(f"--set {given}: not NAME.SETTING=VALUE of a service")
        service = services[owners[name]]
        if name in services:
            more = {**service.settings, setting: value}
            services[name] = replace(service, settings=more)
        else:
            its_own = {**service.of_instance.get(name, {}), setting: value}
            services[service.name] = replace(
                service, of_instance={**service.of_instance, name: its_own}
            )
    return list(services.values())


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description=__doc__,
        epilog="\n".join(f"{name:<8} {what}" for name, what in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--home", type=Path, metavar="DIR", help="default: .local")
    parser.add_argument("--file", type=Path, help="people to import instead of the invented ones")
    parser.add_argument("--replicas", action="append", default=[], metavar="NAME=COUNT")
    parser.add_argument("--set", action="append", default=[], metavar="NAME.SETTING=VALUE")
    parser.add_argument(
        "--longest-pause",
        type=float,
        default=LONGEST_PAUSE_SECONDS,
        metavar="SECONDS",
        help="before what ends again and again is started again",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
