"""Files that people bring: upload, mapping, dry run, the run itself, and its ledger."""

from crm.leads.v1 import contact_pb2, import_pb2, import_service_pb2
from crm.leads.v1.import_service_pb2_grpc import ImportServiceStub
from flask import Blueprint, request, url_for

from chassis import errors
from services.gateway import problems
from services.gateway.api import uploads
from services.gateway.web import desk, lookups, names, words
from services.gateway.web.forms import Form

FIELDS = (
    "family_name given_name display_name salutation phone email company job_title gender birthday "
    "street ward province postal_code source tags description external_id reference_code "
    "create_time consent_evidence consent_time consent_channels"
).split()
WORKING = (import_pb2.IMPORT_STATE_CHECKING, import_pb2.IMPORT_STATE_RUNNING)
MOST_COLUMNS = 200
KNOWN = ["source_id", "tags", "consent", "mapping"]


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/imports", endpoint="imports")(listing)
    pages.post("/imports", endpoint="upload")(upload)
    pages.get("/imports/<uuid:import_id>", endpoint="import")(detail)
    pages.post("/imports/<uuid:import_id>/start", endpoint="start_import")(start)
    pages.get("/imports/<uuid:import_id>/progress", endpoint="import_progress")(progress)
    pages.get("/imports/<uuid:import_id>/rows", endpoint="import_rows")(rows)


def listing() -> desk.View:
    """List the imports, and take a file."""
    return _list(said="", status=200)


def upload() -> desk.View:
    """Take a file; the browser sends it alone, and the form's token in a header."""
    settings = desk.gateway().settings
    try:
        taken = uploads.upload(
            request,
            desk.gateway().peers,
            key=request.headers.get("X-Request-Key") or desk.fresh_id(),
            most=settings.upload_max_bytes,
            seconds=settings.upload_seconds,
        )
    except (errors.InvalidArgument, errors.ResourceExhausted, errors.Unavailable) as refused:
        problem = problems.of(refused)
        language = desk.language()
        details = [words.complaint(language, it.reason) for it in problem.fields]
        said = ": ".join([problem.title(language), *details[:1]])
        return _list(said=said, status=problem.status)
    return desk.to(url_for("web.import", import_id=taken.id))


def _list(*, said: str, status: int) -> desk.View:
    if said and desk.partial():
        return desk.page("import_refused.html", said=said), 422
    asked = import_service_pb2.ListImportsRequest(
        page_size=desk.PAGE_SIZE, page_token=desk.page_token()
    )
    found = desk.ask(ImportServiceStub).ListImports(asked)
    most = desk.gateway().settings.upload_max_bytes
    return desk.page("imports.html", found=found, said=said, most=most), status


def _get(import_id: object) -> import_pb2.Import:
    asked = import_service_pb2.GetImportRequest(id=str(import_id))
    return desk.ask(ImportServiceStub).GetImport(asked)


def detail(import_id: object) -> desk.View:
    """Show an import as it stands: to be mapped, at work, checked, or done."""
    found = _get(import_id)
    return _page(found, _form_of(found))


def start(import_id: object) -> desk.View:
    """Start the dry run, or after it the import itself."""
    form = Form.sent()
    asked = _request(str(import_id), form)
    form.attempt(lambda: desk.ask(ImportServiceStub).StartImport(asked), known=KNOWN)
    if form.bad:
        return _page(_get(import_id), form)
    return desk.to(url_for("web.import", import_id=import_id))


def _request(import_id: str, form: Form) -> import_service_pb2.StartImportRequest:
    asked = import_service_pb2.StartImportRequest(
        id=import_id,
        dry_run=form.get("dry_run") == "1",
        source_id=form.get("source_id"),
        tags=[it.strip() for it in form.get("tags").split(",") if it.strip()],
    )
    for place in range(MOST_COLUMNS):
        column = form.values.get(f"column[{place}]")
        if column is None:
            break
        asked.mapping.add(column=column, field=form.get(f"field[{place}]"))
    if form.get("advertiser_id"):
        asked.consent.advertiser_id = form.get("advertiser_id")
        asked.consent.evidence = form.get("evidence")
        asked.consent.purposes.extend(
            contact_pb2.Purpose.ValueType(names.value(contact_pb2.Purpose, it))
            for it in form.all("purposes")
        )
        asked.consent.channels.extend(
            contact_pb2.Channel.ValueType(names.value(contact_pb2.Channel, it))
            for it in form.all("channels")
        )
    return asked


def _form_of(found: import_pb2.Import) -> Form:
    values: dict[str, str | list[str]] = {
        "source_id": found.source_id,
        "tags": ", ".join(found.tags),
        "advertiser_id": found.consent.advertiser_id,
        "evidence": found.consent.evidence,
        "purposes": [names.short(contact_pb2.Purpose, it) for it in found.consent.purposes],
        "channels": [names.short(contact_pb2.Channel, it) for it in found.consent.channels],
    }
    for place, column in enumerate(found.mapping):
        values[f"column[{place}]"] = column.column
        values[f"field[{place}]"] = column.field
    return Form.filled(values)


def _page(found: import_pb2.Import, form: Form) -> desk.View:
    body = desk.page(
        "import.html",
        found=found,
        form=form,
        fields=FIELDS,
        working=found.state in WORKING,
        sources=[it for it in lookups.sources() if not it.retire_time.seconds],
        advertisers=lookups.advertisers(),
        rejected=_rows(found.id, "rejected", 20) if _has_ledger(found) else None,
    )
    return body, form.status


def _has_ledger(found: import_pb2.Import) -> bool:
    return found.state in (import_pb2.IMPORT_STATE_CHECKED, import_pb2.IMPORT_STATE_COMPLETED)


def progress(import_id: object) -> desk.View:
    """Return how far it is; once it has ended, the page is loaded anew."""
    found = _get(import_id)
    if found.state not in WORKING:
        return desk.to(url_for("web.import", import_id=import_id))
    return desk.page("import_progress.html", found=found)


def rows(import_id: object) -> desk.View:
    """List rows by what became of them."""
    outcome = request.args.get("outcome", "")
    return desk.page(
        "import_rows.html",
        found=_get(import_id),
        outcome=outcome,
        listed=_rows(str(import_id), outcome, desk.PAGE_SIZE, desk.page_token()),
    )


def _rows(
    import_id: str, outcome: str, size: int, token: str = ""
) -> import_service_pb2.ListImportRowsResponse:
    asked = import_service_pb2.ListImportRowsRequest(
        import_id=import_id,
        outcome=import_pb2.RowOutcome.ValueType(names.value(import_pb2.RowOutcome, outcome)),
        page_size=size,
        page_token=token,
    )
    return desk.ask(ImportServiceStub).ListImportRows(asked)
