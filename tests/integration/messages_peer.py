"""The notifier, as tests of who sends by it script it."""

from typing import Any
from uuid import uuid4

from crm.notifier.v1 import message_pb2, message_service_pb2_grpc


class Messages(message_service_pb2_grpc.MessageServiceServicer):
    """Takes messages as the notifier does: one a request id; can refuse, or lose its answers."""

    def __init__(self) -> None:
        self.taken: dict[str, Any] = {}
        self.requests: list[Any] = []
        self.refusal: Exception | None = None
        self.loses_answers = 0

    async def SendMessage(self, request: Any, _: Any) -> Any:
        self.requests.append(request)
        if self.refusal is not None:
            raise self.refusal
        known = self.taken.setdefault(request.request_id, (str(uuid4()), request))
        assert known[1] == request, "a retry is word for word the same"
        if self.loses_answers:
            self.loses_answers -= 1
            raise RuntimeError("the answer is lost")
        return message_pb2.Message(id=known[0], channel=request.channel)
