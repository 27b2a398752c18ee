"""Who calls a notifier in tests."""

import uuid

from chassis.context import Principal

SERVICE = Principal(subject="gateway", kind="service")
NOBODY = Principal(subject=str(uuid.uuid4()), kind="user", rights={})
