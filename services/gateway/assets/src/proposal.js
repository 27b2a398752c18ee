// Tells that a person looks at a proposal: a scanner of mails that opens the link runs no script, or shows no page.
const page = document.querySelector("[data-seen]");

function tell() {
  if (document.visibilityState !== "visible") return;
  document.removeEventListener("visibilitychange", tell);
  const form = new FormData();
  form.set("issue", page.dataset.issue);
  // In the portal, where a session says who looks.
  if (page.dataset.token) form.set("csrf_token", page.dataset.token);
  // Whether it arrives does not matter to who reads, so that a failure is left alone.
  fetch(page.dataset.seen, { method: "POST", body: form, keepalive: true }).catch(() => undefined);
}

if (page) {
  document.addEventListener("visibilitychange", tell);
  tell();
}
