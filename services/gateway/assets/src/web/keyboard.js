// The keyboard first: "/" to search, "c" to add, Escape to leave.
import htmx from "htmx.org";

const quick = document.getElementById("quick");

function openQuick(address = document.querySelector("[data-quick-add]")?.dataset.quickAdd) {
  if (!quick || !address || quick.open) return;
  quick.showModal();
  htmx.ajax("GET", address, { target: quick, swap: "innerHTML" }).then(() => {
    const first = quick.querySelector("[autofocus]") ?? quick.querySelector("input:not([type=hidden])");
    first?.focus();
  });
}

function search() {
  const fields = [...document.querySelectorAll("[data-search]")];
  const field = fields.find((it) => it.closest("main")) ?? fields[0];
  field?.focus();
  field?.select();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "/") {
    event.preventDefault();
    search();
  } else if (event.key === "c") {
    event.preventDefault();
    openQuick();
  } else {
    const button = document.querySelector(`[data-quick][data-key="${CSS.escape(event.key)}"]`);
    if (!button) return;
    event.preventDefault();
    openQuick(button.dataset.quick);
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-quick-add]")) openQuick();
  const other = event.target.closest("[data-quick]");
  if (other && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    openQuick(other.dataset.quick);
  }
  if (event.target.closest("[data-close]")) quick?.close();
  if (event.target === quick) quick.close();
  for (const open of document.querySelectorAll("details.confirm[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.confirm[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
