"""Notes in their protobuf form."""

from crm.interactions.v1 import events_pb2, note_pb2

from chassis.rpc import times
from services.interactions.domain.notes import Note


def out(kept: Note) -> note_pb2.Note:
    """Returns a note."""
    return note_pb2.Note(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        contact_id=str(kept.contact_id),
        text=kept.text,
        author_id=kept.author_id,
        create_time=times.out(kept.create_time),
        update_time=times.out(kept.update_time),
        mentioned_user_ids=[str(it) for it in kept.mentioned_user_ids],
    )


def added(kept: Note) -> events_pb2.NoteAdded:
    """Returns the event that it was written."""
    return events_pb2.NoteAdded(note=out(kept))
