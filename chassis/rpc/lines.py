"""Messages as lines of JSON, for people who take what is kept of them along."""

import json

from google.protobuf import json_format
from google.protobuf.message import Message


def line(what: str, message: Message) -> bytes:
    """Returns a message as a line: an object with the fields that are set, and what it is.

    Names are the contract's, enums their names, integers of 64 bits and times text.
    """
    told = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps({"what": what, **told}, ensure_ascii=False).encode() + b"\n"
