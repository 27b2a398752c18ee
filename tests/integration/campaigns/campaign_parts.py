"""Campaigns as tests read and change them over gRPC."""

from datetime import UTC, datetime, timedelta

from crm.campaigns.v1 import campaign_pb2
from crm.campaigns.v1 import campaign_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from tests.integration.campaigns.house import House


def at(delta: timedelta) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + delta)
    return stamp


async def get(house: House, campaign_id: str) -> campaign_pb2.Campaign:
    return await house.campaigns.GetCampaign(pb.GetCampaignRequest(id=campaign_id))


async def change(house: House, campaign_id: str, **given: object) -> campaign_pb2.Campaign:
    campaign = campaign_pb2.Campaign(id=campaign_id, **given)  # type: ignore[arg-type]
    return await house.campaigns.UpdateCampaign(pb.UpdateCampaignRequest(campaign=campaign))
