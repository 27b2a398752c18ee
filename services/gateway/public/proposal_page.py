"""What a page shows of a proposal and does with answers, at its link as in the portal."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm.interactions.v1 import proposal_pb2
from flask import request
from markupsafe import Markup

from chassis import errors
from services.gateway import downloads
from services.gateway.languages import Language
from services.gateway.public.proposal_texts import TEXTS

STATES = proposal_pb2.ProposalState
OPEN = (
    STATES.PROPOSAL_STATE_SENDING,
    STATES.PROPOSAL_STATE_SENT,
    STATES.PROPOSAL_STATE_VIEWED,
)
SAID = ("accepted", "declined", "commented")


@dataclass(frozen=True)
class Links:
    """Where the page's forms and files are."""

    seen: str
    accept: str
    decline: str
    comment: str
    pdf: str
    file: Callable[[str], str]


@dataclass(frozen=True)
class Refused:
    """Why an answer was not taken: the field that is wrong, or what stands against it."""

    status: int
    wrong: str = ""
    trouble: str = ""


def attempted(call: Callable[[], object]) -> Refused | None:
    """Make a call and return why it was refused, None if it was not."""
    try:
        call()
    except errors.InvalidArgument as refused:
        return Refused(400, refused.violations[0].field if refused.violations else "")
    except errors.Aborted:
        return Refused(409, trouble="stale")
    except errors.FailedPrecondition as refused:
        late = refused.metadata.get("state") == "expired"
        return Refused(409, trouble="late" if late else "state")
    return None


def values(
    found: proposal_pb2.PublicProposal,
    language: Language,
    links: Links,
    refused: Refused | None = None,
) -> dict[str, Any]:
    """Return what `public/proposal_body.html` shows."""
    said = request.args.get("said", "")
    trouble = refused.trouble if refused else ""
    return {
        "words": TEXTS[language],
        "found": found,
        "files": [
            (it.name, links.file(it.name), downloads.size(language, it.size))
            for it in found.attachments
        ],
        "document": Markup(found.html),  # noqa: S704 (made by interactions, every text escaped)
        "state": STATES.Name(found.state).removeprefix("PROPOSAL_STATE_").lower(),
        # What it was refused for is its state now, whatever the worker has written yet.
        "is_open": found.state in OPEN and trouble != "late",
        "links": links,
        "said": said if said in SAID and not refused else "",
        "wrong": refused.wrong if refused else "",
        "trouble": trouble,
        "typed": request.form,
        "key": str(uuid.uuid4()),
    }


def issue() -> int:
    """Return which sending was read, 0 where the form does not say."""
    text = request.form.get("issue", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
