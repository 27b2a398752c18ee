"""Bring the databases named on standard input, {service: url} as JSON, to their newest schema.

One process for all services: what it imports takes longer than the migrations. Each service is
named on standard output when it is done.
"""

import json
import sys

from pydantic import SecretStr

from chassis import db, logging
from chassis.config import ServiceSettings


def main() -> None:
    """Migrate each service in turn."""
    for service, url in json.load(sys.stdin).items():
        settings = ServiceSettings(
            database_url=SecretStr(url),
            seal_key=SecretStr("unused"),
            client_secret=SecretStr("unused"),
            nats_url="unused",
            issuer_url="unused",
            client_id=service,
        )
        logging.configure(settings, service)  # to standard error; standard output is ours
        db.upgrade(settings, f"services.{service}")
        print(service, flush=True)


if __name__ == "__main__":
    main()
