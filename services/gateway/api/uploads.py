"""A multipart upload, passed on to the peer as it arrives: no part of it is kept here."""

import logging
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

import grpc
from crm.leads.v1 import import_service_pb2
from crm.leads.v1.import_service_pb2_grpc import ImportServiceStub
from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.sansio import multipart

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.clients import Peers

# gRPC logs with a traceback what ends the messages of an upload; the answer tells it already.
logging.getLogger("grpc._channel").addFilter(
    lambda record: "iterating requests" not in record.getMessage()
)

FIELD = "file"
NAME_MAX = 255
SMALL = 3 * 1024 * 1024
"""Most bytes of what is read whole, as an attachment is."""

MAIL = "message/rfc822"

_CHUNK = 256 * 1024


def upload(request: Request, peers: Peers, *, key: str, most: int, seconds: float) -> Any:
    """Send the file of `request` to leads and return the import.

    Raises `InvalidArgument` for what is no multipart form with one file, `ResourceExhausted`
    TOO_LARGE for a file above `most` bytes.
    """
    boundary = _boundary(request)
    # The parts around the file are small; a stream without a length is stopped all the same.
    request.max_content_length = most + _CHUNK
    parts = _Parts(request.stream, boundary, key, most)
    try:
        return peers.stub(ImportServiceStub).UploadImport(iter(parts), timeout=seconds)
    except (errors.Error, grpc.RpcError):
        if parts.failure is not None:
            # The peer only saw its stream end; what ended it is known here.
            raise parts.failure from None
        raise


def read(request: Request, *, most: int) -> tuple[str, bytes]:
    """Return the one file of a form by name and whole, for what is small.

    Raises `InvalidArgument` for what is no multipart form with one file of at most `most` bytes.
    """
    boundary = _boundary(request)
    request.max_content_length = most + _CHUNK
    name, data = "", bytearray()
    try:
        for message in _Parts(request.stream, boundary, "", most):
            name = message.file_name or name
            data += message.data
    except (errors.ResourceExhausted, RequestEntityTooLarge):
        raise _refused(FIELD, f"the file is larger than {most // 2**20} MiB") from None
    return name, bytes(data)


def mail(request: Request, message: Any) -> Any:
    """Fill `data` with the mail that the body is, and the fields that its address names.

    Raises `InvalidArgument` naming what is no field, or given more than once.
    """
    for name, values in request.args.lists():
        if name not in message.DESCRIPTOR.fields_by_name or name == "data":
            raise _refused(name[:80], "is not a known field")
        if len(values) > 1:
            raise _refused(name, "is given more than once")
        setattr(message, name, values[0])
    message.data = request.get_data(cache=False)
    return message


class _Parts:
    """The messages of an upload; what goes wrong while reading is kept in `failure`."""

    def __init__(self, stream: IO[bytes], boundary: bytes, key: str, most: int) -> None:
        self.failure: Exception | None = None
        self._stream = stream
        self._decoder = multipart.MultipartDecoder(boundary, max_form_memory_size=4 * _CHUNK)
        self._key = key
        self._most = most

    def __iter__(self) -> Iterator[import_service_pb2.UploadImportRequest]:
        try:
            yield from self._messages()
        except RequestEntityTooLarge:
            self.failure = _too_large(self._most)
            raise self.failure from None
        except errors.Error as refused:
            self.failure = refused
            raise
        except HTTPException as gone:
            self.failure = gone
            raise
        except (ValueError, OSError) as broken:
            self.failure = _refused(FIELD, "the form cannot be read")
            raise self.failure from broken

    def _messages(self) -> Iterator[import_service_pb2.UploadImportRequest]:
        inside, found, size = False, False, 0
        for event in self._events():
            if isinstance(event, multipart.Field):
                raise _refused(event.name[:80], "is not a known field")
            if isinstance(event, multipart.File):
                if found or event.name != FIELD:
                    raise _refused(event.name[:80], f"give one file, as {FIELD!r}")
                inside = found = True
                yield self._first(event.filename)
            elif isinstance(event, multipart.Data) and inside:
                size += len(event.data)
                if size > self._most:
                    raise _too_large(self._most)
                if event.data:
                    yield import_service_pb2.UploadImportRequest(data=event.data)
                inside = event.more_data
        if not found:
            raise _refused(FIELD, "is required")

    def _first(self, file_name: str) -> import_service_pb2.UploadImportRequest:
        name = PurePosixPath(file_name.replace("\\", "/")).name
        if not name or len(name) > NAME_MAX:
            raise _refused(FIELD, f"its name must have 1 to {NAME_MAX} characters")
        return import_service_pb2.UploadImportRequest(file_name=name, request_id=self._key)

    def _events(self) -> Iterator[multipart.Event]:
        while True:
            chunk = self._stream.read(_CHUNK)
            self._decoder.receive_data(chunk or None)
            while True:
                event = self._decoder.next_event()
                if isinstance(event, multipart.NeedData):
                    break
                yield event
                if isinstance(event, multipart.Epilogue):
                    return


def _boundary(request: Request) -> bytes:
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise _refused("Content-Type", "must be multipart/form-data")
    return boundary.encode()


def _refused(field: str, why: str) -> errors.InvalidArgument:
    return errors.InvalidArgument(
        "FIELDS_INVALID", "the upload is not right", violations=[FieldViolation(field, why)]
    )


def _too_large(most: int) -> errors.ResourceExhausted:
    return errors.ResourceExhausted("TOO_LARGE", f"a file may have {most} bytes", limit=most)
