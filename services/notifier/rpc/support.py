"""SupportService."""

from typing import Any

from crm.notifier.v1 import support_pb2, support_service_pb2, support_service_pb2_grpc
from crm.notifier.v1.message_pb2 import Channel as ChannelPb

from chassis.db import Sessions, paging
from services.notifier.config import Settings
from services.notifier.domain import addresses
from services.notifier.domain.checks import Checks
from services.notifier.domain.states import Channel
from services.notifier.messages import doubts, progress, resources
from services.notifier.rpc import sought
from services.notifier.storage.dossiers import Place
from services.notifier.usecases import dossiers
from services.notifier.usecases.dossiers import Sent

pb = support_service_pb2
_LONGEST_ADDRESS, _LONGEST_REASON, _MOST = 320, 200, 200


class SupportServicer(support_service_pb2_grpc.SupportServiceServicer):
    """What was sent to an address."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._sessions = sessions
        self._seal_key = settings.seal_key
        self._country = settings.home_country
        self._secret = settings.mac_key.get_secret_value().encode()

    async def LookUpAddress(
        self, request: pb.LookUpAddressRequest, _: Any
    ) -> pb.LookUpAddressResponse:
        """One page, newest first."""
        channel, key, reason = self._read(request)
        fields = {"channel": int(channel), "key": key}
        page = paging.read(request.page_size, request.page_token, fields, self._seal_key)
        size = min(page.size, _MOST)
        before: Place | None = (page.after[0], page.after[1]) if page.after else None  # type: ignore[assignment]
        async with self._sessions.begin() as session:
            found = await dossiers.look_up(
                session, channel, key, before, size + 1, reason=reason, secret=self._secret
            )
        shown = found.sent[:size]
        token = ""
        if len(found.sent) > size:
            last = shown[-1].message
            token = paging.token([last.created_at, last.key.message_id], fields, self._seal_key)
        return pb.LookUpAddressResponse(
            address=key,
            channel=ChannelPb.ValueType(channel),
            messages=[_sent(it) for it in shown],
            next_page_token=token,
            suppressions=[resources.suppression(it) for it in found.suppressions],
            regained=[resources.regained(it) for it in found.regained],
        )

    def _read(self, request: pb.LookUpAddressRequest) -> tuple[Channel, str, str]:
        checks = Checks()
        written = checks.text("address", request.address, _LONGEST_ADDRESS)
        reason = checks.text("reason", request.reason, _LONGEST_REASON, required=False)
        found = addresses.asked_for(written, self._country)
        if written and found is None:
            checks.wrong("address", "is neither a phone number nor an e-mail address")
        checks.end()
        if found is None:
            raise AssertionError("end raises when there is no address")
        sought.must_be_shown(found[0])
        return *found, reason


def _sent(it: Sent) -> support_pb2.SentMessage:
    return support_pb2.SentMessage(
        message=progress.view(it.message, it.attempts),
        receipts=[doubts.receipt(each) for each in it.receipts],
        deeds=[doubts.done(each) for each in it.deeds],
        campaign_id=str(it.campaign_id or ""),
    )
