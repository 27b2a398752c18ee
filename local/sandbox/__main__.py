"""Run the sandbox mail server, the sandbox SMSC and their inbox in one process."""

import argparse
import asyncio
import signal
from pathlib import Path

from local.sandbox.inbox import Inbox
from local.sandbox.mail import MailServer
from local.sandbox.smsc import Smsc
from local.sandbox.store import Store


async def main() -> None:
    arguments = _arguments()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    store = Store(arguments.data / "received.sqlite3")
    mail = MailServer(store, arguments.mail_port)
    smsc = Smsc(store, arguments.smpp_port, receipt_delay_seconds=arguments.receipt_delay)
    inbox = Inbox(store, mail, arguments.http_port)
    await mail.start()
    await smsc.start()
    await inbox.start()
    await stopped.wait()
    await inbox.close()
    await smsc.close()
    await mail.close()
    await store.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.sandbox", description=__doc__)
    parser.add_argument("--mail-port", type=int, required=True)
    parser.add_argument("--smpp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--receipt-delay", type=float, default=0.5, metavar="SECONDS", help="default: 0.5"
    )
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
