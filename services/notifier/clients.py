"""What the notifier asks of its peers."""

import grpc
from crm.campaigns.v1 import template_service_pb2, template_service_pb2_grpc

from chassis.config import ServiceSettings
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services.notifier.domain.work import Content
from services.notifier.messages import chunks


class Contents:
    """Contents of campaigns by their hash; immutable, so fetched once."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = template_service_pb2_grpc.ContentServiceStub(channel)

    async def get(self, content_hash: str) -> Content:
        """The content; raises `NotFound`, `Unavailable` as the peer says."""
        request = template_service_pb2.GetContentRequest(hash=content_hash)
        return chunks.content(await self._stub.GetContent(request))

    async def file(self, file_hash: str) -> bytes:
        """The bytes of an attachment; raises as `get` does."""
        request = template_service_pb2.GetAttachmentRequest(hash=file_hash)
        return (await self._stub.GetAttachment(request)).data


def contents(settings: ServiceSettings, address: str, tokens: TokenSource) -> Contents:
    """A client of campaigns' ContentService at `address`."""
    service = template_service_pb2.DESCRIPTOR.services_by_name["ContentService"]
    return Contents(client.channel(address, settings, tokens, [service]))
