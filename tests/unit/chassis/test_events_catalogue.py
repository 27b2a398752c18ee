"""Every event has its stream, and every consumer asks only for what its stream has."""

import importlib
from collections import Counter

from services import topology

PRODUCERS = ("leads", "interactions", "campaigns", "notifier", "accounts")
# Parts of events, not events.
PARTS = {
    "crm.leads.v1.ImportedConsent",
    "crm.leads.v1.ImportedContact",
    "crm.notifier.v1.FailedAddress",
    "crm.notifier.v1.ProgressGroup",
    "crm.notifier.v1.SettledMessage",
}


def announced() -> set[str]:
    modules = [importlib.import_module(f"crm.{name}.v1.events_pb2") for name in PRODUCERS]
    return {
        message.full_name
        for module in modules
        for message in module.DESCRIPTOR.message_types_by_name.values()
    } - PARTS


class TestStreams:
    def test_every_event_of_the_contracts_is_in_one_stream_and_no_other_name_is(self) -> None:
        declared = [*topology.CONTROL_EVENTS, *topology.FACTS_EVENTS]

        assert set(declared) == announced()
        assert max(Counter(declared).values()) == 1

    def test_each_region_has_a_work_stream_of_its_own(self) -> None:
        regions = [each for each in topology.streams(["vn", "sg-1"]) if each.name[:7] == "NOTIFY_"]

        assert [each.name for each in regions] == ["NOTIFY_VN", "NOTIFY_SG_1"]
        assert {each.retention for each in regions} == {"workqueue"}
        assert regions[1].subjects == ["notify.sg-1.bulk", "notify.sg-1.transactional"]


class TestConsumers:
    def test_each_asks_for_subjects_of_its_stream(self) -> None:
        streams = {each.name: each for each in topology.streams(["vn", "sg-1"])}

        for consumer in topology.consumers(["vn", "sg-1"]):
            have = streams[consumer.stream].subjects
            missing = [
                subject
                for subject in consumer.filter_subjects
                if subject not in have
                and not any(each.endswith(">") and subject.startswith(each[:-1]) for each in have)
            ]
            assert missing == [], consumer.durable

    def test_their_names_are_unique(self) -> None:
        names = Counter(each.durable for each in topology.consumers(["vn", "sg-1"]))

        assert max(names.values()) == 1
