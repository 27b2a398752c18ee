"""Contacts, and what leads keeps of them."""

from services.gateway.api.table import Route, resource

_CONTACTS = "leads.ContactService"
_CONSENTS = "leads.ConsentService"
_SOURCES = "leads.SourceService"
_COSTS = "leads.SourceCostService"
_REPORTS = "leads.ReportService"
_STAGES = "leads.LifeStageService"
_SEGMENTS = "leads.SegmentService"
_IMPORTS = "leads.ImportService"
_ERASURES = "leads.ErasureService"
_TRANSACTIONS = "leads.TransactionService"

ROUTES: tuple[Route, ...] = (
    *resource("/contacts", _CONTACTS, "Contact", "Contacts", field="contact"),
    Route(
        "POST",
        "/contacts:createWithLogin",
        f"{_CONTACTS}/CreateContactWithLogin",
        "*",
        status=201,
        location="/contacts/{id}",
    ),
    Route("GET", "/contacts:export", f"{_CONTACTS}/ExportContacts", kind="csv"),
    Route("POST", "/contacts:batchGet", f"{_CONTACTS}/BatchGetContacts", "*"),
    Route("POST", "/contacts/{id}:confirmAddress", f"{_CONTACTS}/ConfirmAddress", "*"),
    Route("POST", "/contacts/{id}:convert", f"{_CONTACTS}/ConvertContact", "*"),
    Route("POST", "/contacts/{id}:changeStatus", f"{_CONTACTS}/ChangeStatus", "*"),
    Route("POST", "/contacts/{id}:moveToLifeStage", f"{_CONTACTS}/MoveToLifeStage", "*"),
    Route("GET", "/contacts/{contact_id}/stage-changes", f"{_CONTACTS}/ListStageChanges"),
    Route("GET", "/contacts/{contact_id}/consents", f"{_CONSENTS}/ListConsentEntries"),
    Route("POST", "/contacts/{contact_id}/consents:give", f"{_CONSENTS}/GiveConsent", "entry", 201),
    Route(
        "POST", "/contacts/{contact_id}/consents:withdraw", f"{_CONSENTS}/WithdrawConsent", "*", 201
    ),
    Route("POST", "/contacts/{contact_id}:erase", f"{_ERASURES}/EraseContact", "*"),
    Route("POST", "/erasures/{id}:repeat", f"{_ERASURES}/RepeatErasure", "*"),
    *resource("/erasures", _ERASURES, "Erasure", "Erasures", field="erasure", only="list get"),
    Route("GET", "/contacts/{contact_id}/transactions", f"{_TRANSACTIONS}/ListTransactions"),
    Route("POST", "/transactions:ingest", f"{_TRANSACTIONS}/IngestTransactions", "*"),
    *resource(
        "/sources", _SOURCES, "Source", "Sources", field="source", only="create list get update"
    ),
    Route("POST", "/sources/{id}:retire", f"{_SOURCES}/RetireSource", "*"),
    *resource("/source-costs", _COSTS, "SourceCost", "SourceCosts", field="source_cost"),
    Route("GET", "/reports/conversion", f"{_REPORTS}/GetConversionReport"),
    Route("GET", "/reports/conversion:export", f"{_REPORTS}/ExportConversionReport", kind="csv"),
    Route("GET", "/reports/sources", f"{_REPORTS}/GetSourceReport"),
    Route("GET", "/reports/sources:export", f"{_REPORTS}/ExportSourceReport", kind="csv"),
    *resource(
        "/life-stages",
        _STAGES,
        "LifeStage",
        "LifeStages",
        field="life_stage",
        only="create list get update",
    ),
    *resource("/segments", _SEGMENTS, "Segment", "Segments", field="segment"),
    Route("POST", "/segments:preview", f"{_SEGMENTS}/PreviewSegment", "*"),
    Route(
        "POST",
        "/imports",
        f"{_IMPORTS}/UploadImport",
        status=201,
        location="/imports/{id}",
        kind="upload",
    ),
    Route("GET", "/imports", f"{_IMPORTS}/ListImports"),
    Route("GET", "/imports/{id}", f"{_IMPORTS}/GetImport"),
    Route("POST", "/imports/{id}:start", f"{_IMPORTS}/StartImport", "*"),
    Route("GET", "/imports/{import_id}/rows", f"{_IMPORTS}/ListImportRows"),
)
