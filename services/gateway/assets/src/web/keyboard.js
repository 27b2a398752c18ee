// The keyboard first: "/" to search, "c" to add, Escape to leave.
import htmx from "htmx.org";

const quick = document.getElementById("quick");

function openQuick() {
  const button = document.querySelector("[data-quick-add]");
  if (!quick || !button || quick.open) return;
  quick.showModal();
  htmx.ajax("GET", button.dataset.quickAdd, { target: quick, swap: "innerHTML" }).then(() => {
    quick.querySelector("input:not([type=hidden])")?.focus();
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
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-quick-add]")) openQuick();
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
