// Forms: parts that depend on a choice, choosing a contact, previews, and not losing what was typed.
function chosen(form, name) {
  const field = form.elements[name];
  if (!field) return "";
  return field.value ?? "";
}

function holds(form, condition) {
  return condition.split(" ").every((one) => {
    const [name, value] = one.split("=");
    const is = chosen(form, name);
    return value.split("|").includes(is) || (is === "" && name.endsWith("_id"));
  });
}

function show(form) {
  for (const part of form.querySelectorAll("[data-when]")) {
    const shown = holds(form, part.dataset.when);
    part.hidden = !shown;
    if (part.tagName === "OPTION") {
      part.disabled = !shown;
      if (!shown && part.selected) part.parentElement.value = "";
    }
  }
}

function preview(select) {
  const frame = document.getElementById("template-preview");
  frame.hidden = !select.value;
  if (select.value) frame.src = `${select.dataset.preview}/${select.value}/preview`;
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-shows]");
  if (form) show(form);
  if (event.target.matches("select[data-preview]")) preview(event.target);
});
for (const form of document.querySelectorAll("form[data-shows]")) show(form);

document.addEventListener("click", (event) => {
  const offer = event.target.closest("[data-choose]");
  if (!offer) return;
  const box = document.createElement("div");
  const input = document.createElement("input");
  const name = document.createElement("strong");
  box.className = "chosen";
  input.type = "hidden";
  input.name = "contact_ids";
  input.value = offer.dataset.choose;
  name.textContent = offer.dataset.name;
  box.append(input, name);
  const form = offer.closest("form");
  form.querySelector("#chosen, [data-chosen]").replaceChildren(box);
  form.querySelector("#offered, [data-offered]").replaceChildren();
  const query = form.querySelector("[name=contact_query]");
  query.value = "";
  query.focus();
});

// Enter takes the first that is offered; with none offered it sends the form as elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-offers]")) return;
  const first = event.target.closest("form").querySelector("[data-choose]");
  if (first || event.target.value) event.preventDefault();
  first?.click();
});

// Sent once: the button rests until the next page is here.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.submitter?.formTarget || form.matches("[hx-post]")) return;
  if (event.submitter?.hasAttribute("hx-post")) return;
  form.dataset.sent = "";
  setTimeout(() => {
    for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
  });
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("form[data-sent] button")) button.disabled = false;
});

// Leaving a long form with something typed asks first.
let typed = false;
document.addEventListener("input", (event) => {
  if (event.target.closest("form[data-keep]")) typed = true;
});
document.addEventListener("submit", (event) => {
  if (!event.submitter?.formTarget) typed = false;
});
window.addEventListener("beforeunload", (event) => {
  if (typed) event.preventDefault();
});
