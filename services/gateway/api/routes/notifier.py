"""Messages, suppressions and who sends."""

from services.gateway.api.table import Route, resource

_MESSAGES = "notifier.MessageService"
_DOUBTS = "notifier.DoubtService"
_SUPPRESSIONS = "notifier.SuppressionService"
_SENDERS = "notifier.SenderService"
_LISTS = "notifier.DoNotCallService"
_AGREEMENTS = "notifier.AgreementService"

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/messages",
        f"{_MESSAGES}/SendMessage",
        "*",
        status=201,
        location="/messages/{id}",
    ),
    Route("GET", "/messages", f"{_MESSAGES}/ListMessages"),
    Route("GET", "/messages/{id}", f"{_MESSAGES}/GetMessage"),
    Route("GET", "/runs/{run_id}/message-counts", f"{_MESSAGES}/CountMessages"),
    Route("GET", "/doubts", f"{_DOUBTS}/ListDoubts"),
    Route("GET", "/doubts/{message_id}", f"{_DOUBTS}/GetDoubt"),
    Route("POST", "/doubts/{message_id}:settle", f"{_DOUBTS}/SettleDoubt", "*"),
    Route("POST", "/doubts/{message_id}:resend", f"{_DOUBTS}/ResendDoubt", "*"),
    Route("POST", "/doubts:settle", f"{_DOUBTS}/SettleDoubts", "*"),
    Route("POST", "/doubts:resend", f"{_DOUBTS}/ResendDoubts", "*"),
    Route("GET", "/doubt-deeds", f"{_DOUBTS}/ListDoubtDeeds"),
    # By POST, since an address belongs in no log and no history of a browser.
    Route("POST", "/addresses:lookUp", "notifier.SupportService/LookUpAddress", "*"),
    *resource(
        "/suppressions",
        _SUPPRESSIONS,
        "Suppression",
        "Suppressions",
        field="suppression",
        only="create list delete",
    ),
    Route("GET", "/do-not-call-lists", f"{_LISTS}/ListDoNotCallLists"),
    Route("POST", "/do-not-call-lists/{list}:change", f"{_LISTS}/ChangeDoNotCallList", "*"),
    *resource(
        "/agreements",
        _AGREEMENTS,
        "Agreement",
        "Agreements",
        field="agreement",
        only="create list delete",
    ),
    *resource(
        "/advertisers",
        _SENDERS,
        "Advertiser",
        "Advertisers",
        field="advertiser",
        only="create list get update",
    ),
    *resource(
        "/sender-identities",
        _SENDERS,
        "SenderIdentity",
        "SenderIdentities",
        field="sender_identity",
        only="create list get update",
    ),
    Route("POST", "/inbound-mails", "notifier.InboundMailService/ReportMail", "*", kind="mail"),
    Route("GET", "/providers", f"{_SENDERS}/ListProviders"),
)
