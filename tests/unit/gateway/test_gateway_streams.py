"""A run is watched by server-sent events, bounded in number and in time."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from crm.campaigns.v1 import campaign_pb2, run_pb2

from chassis import errors


def events(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in body.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def two_runs(*_: Any) -> Iterator[run_pb2.Run]:
    yield run_pb2.Run(id="r1", state=campaign_pb2.RUN_STATE_SENDING)
    yield run_pb2.Run(id="r1", state=campaign_pb2.RUN_STATE_COMPLETED)


class TestWatching:
    def test_each_change_is_an_event_and_the_end_is_one_too(self, program: Any, peers: Any) -> None:
        peers.answers["WatchRun"] = two_runs

        answer = program("GET", "/runs/r1:watch")

        told = events(answer.data)
        assert answer.mimetype == "text/event-stream"
        assert [name for name, _ in told] == ["run", "run", "end"]
        assert [data.get("state") for _, data in told] == ["SENDING", "COMPLETED", None]

    def test_a_refusal_before_the_first_event_is_a_problem(self, program: Any, peers: Any) -> None:
        peers.answers["WatchRun"] = errors.NotFound("RESOURCE_MISSING", "no such run")

        answer = program("GET", "/runs/r1:watch")

        assert answer.status_code == 404
        assert answer.get_json()["reason"] == "RESOURCE_MISSING"

    def test_one_of_a_session_ends_as_soon_as_it_could_have_been_revoked(
        self, signed_in: Any, program: Any, peers: Any
    ) -> None:
        peers.answers["WatchRun"] = two_runs

        signed_in.get("/api/v1/runs/r1:watch")
        program("GET", "/runs/r1:watch")

        by_session, by_token = (call.seconds_left for call in peers.named("WatchRun"))
        assert by_session < 6
        assert by_token > 20

    def test_a_stream_whose_time_is_over_just_ends(
        self, make_gateway: Callable[..., Any], peers: Any
    ) -> None:
        def quiet(_: Any, context: grpc.ServicerContext) -> Iterator[run_pb2.Run]:
            yield run_pb2.Run(id="r1")
            while context.is_active():
                time.sleep(0.01)

        peers.answers["WatchRun"] = quiet
        http = make_gateway(watch_seconds=0.3).test_client()

        answer = http.get("/api/v1/runs/r1:watch", headers={"Authorization": "Bearer t"})

        assert [name for name, _ in events(answer.data)] == ["run"]

    def test_a_peer_that_dies_in_mid_stream_is_told(self, program: Any, peers: Any) -> None:
        def dies(_: Any, context: grpc.ServicerContext) -> Iterator[run_pb2.Run]:
            yield run_pb2.Run(id="r1")
            context.abort(grpc.StatusCode.UNAVAILABLE, "bye")

        peers.answers["WatchRun"] = dies

        answer = program("GET", "/runs/r1:watch")

        assert events(answer.data)[-1] == ("problem", {"reason": "PEER_UNAVAILABLE"})

    def test_more_watchers_than_places_are_told_to_come_back_and_places_are_given_back(
        self, make_gateway: Callable[..., Any], peers: Any
    ) -> None:
        peers.answers["WatchRun"] = two_runs
        http = make_gateway(watch_max=1).test_client()
        headers = {"Authorization": "Bearer t"}

        first = http.get("/api/v1/runs/r1:watch", headers=headers)
        second = http.get("/api/v1/runs/r1:watch", headers=headers)
        first.close()
        third = http.get("/api/v1/runs/r1:watch", headers=headers)
        third.close()

        assert [it.status_code for it in (first, second, third)] == [200, 429, 200]
        assert second.headers["Retry-After"] == "2"
