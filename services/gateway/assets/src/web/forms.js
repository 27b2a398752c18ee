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
  for (const part of form.querySelectorAll("[data-unless]")) part.hidden = holds(form, part.dataset.unless);
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
  const form = offer.closest("form");
  const list = form.querySelector("#chosen, [data-chosen]");
  const many = list.dataset.many && holds(form, list.dataset.many);
  const box = document.createElement("div");
  const input = document.createElement("input");
  const name = document.createElement("strong");
  box.className = "chosen";
  input.type = "hidden";
  input.name = "contact_ids";
  input.value = offer.dataset.choose;
  name.textContent = offer.dataset.name;
  if (many) {
    // One of several: to untick it leaves it out.
    const label = document.createElement("label");
    label.className = "form-check m-0";
    input.type = "checkbox";
    input.className = "form-check-input";
    input.checked = true;
    name.className = "form-check-label";
    label.append(input, name);
    box.append(label);
    const held = [...list.querySelectorAll("input")].find((it) => it.value === input.value);
    if (held) held.checked = true;
    else list.append(box);
  } else {
    box.append(input, name);
    list.replaceChildren(box);
  }
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

// A place to fill goes where one wrote last, into the text otherwise.
const PLACES = '[name="message.subject"], [name="message.text"], [name="message.html"]';
let wrote = null;
document.addEventListener("focusin", (event) => {
  if (event.target.matches(PLACES)) wrote = event.target;
});
document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-insert]");
  if (!chip) return;
  const form = chip.closest("form");
  const usable = wrote?.form === form && wrote.offsetParent !== null;
  const field = usable ? wrote : form.elements["message.text"];
  field.setRangeText(chip.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// Who is mentioned is named in the text, where one wrote last.
document.addEventListener("change", (event) => {
  const people = event.target.closest("select[data-mentions]");
  if (!people) return;
  const field = people.form.elements[people.dataset.mentions];
  for (const one of people.selectedOptions) {
    if (field.value.includes(`@${one.text}`)) continue;
    field.setRangeText(`@${one.text} `, field.selectionStart, field.selectionEnd, "end");
  }
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
