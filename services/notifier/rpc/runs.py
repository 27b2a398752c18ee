"""RunControlService."""

from typing import Any

import structlog
from crm.notifier.v1 import run_service_pb2 as pb
from crm.notifier.v1 import run_service_pb2_grpc

from chassis.db import Sessions
from chassis.errors import FieldViolation, InvalidArgument
from services.notifier.messages import chunks
from services.notifier.usecases import intake

log = structlog.get_logger(__name__)


class RunControlServicer(run_service_pb2_grpc.RunControlServiceServicer):
    """Stops runs before their event arrives."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def StopRun(self, request: pb.StopRunRequest, _: Any) -> pb.StopRunResponse:
        """Answers after the commit, from when on no replica begins a submission of the run."""
        try:
            control = chunks.stop(request.run)
        except chunks.Unreadable:
            wrong = FieldViolation("run", "is no run that was paused or ended")
            raise InvalidArgument(
                "FIELDS_INVALID", "some fields cannot be accepted", violations=[wrong]
            ) from None
        async with self._sessions.begin() as session:
            news = await intake.steer(session, control)
        log.info("run_stopped", run_id=str(control.run_id), state=control.state, changed=news)
        return pb.StopRunResponse(news=news)
