"""Python imports this at its start where this folder is on its path: it sets the process's clock.

`FAULTS_CLOCK_SECONDS` is how far the wall clock is off; the clock that only goes on is left alone,
as on a machine whose time was set wrong. gRPC keeps the true time: its core has a clock of its own,
and the two must agree about deadlines as they do on a real machine.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import grpc._cython.cygrpc as core  # type: ignore[import-not-found]
import grpc.aio._utils as deadlines
import time_machine

off = timedelta(seconds=float(os.environ["FAULTS_CLOCK_SECONDS"]))
true = SimpleNamespace(**{**vars(time), "time": time_machine.escape_hatch.time.time})
core.time = deadlines.time = true  # type: ignore[attr-defined, assignment]
time_machine.travel(datetime.now(UTC) + off, tick=True).start()
