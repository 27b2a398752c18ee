// The calendar: an entry is dragged to another day or hour, or moved by a form after pressing M; and copying an address.
import htmx from "htmx.org";

let dragged = null;

const place = (event) => dragged && event.target.closest?.("[data-calendar] [data-day]");

function mark(cell) {
  for (const it of document.querySelectorAll(".cal-over")) {
    if (it !== cell) it.classList.remove("cal-over");
  }
  cell?.classList.add("cal-over");
}

document.addEventListener("dragstart", (event) => {
  const entry = event.target.closest?.("[data-entry]");
  if (!entry) return;
  dragged = entry;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", entry.dataset.entry);
  entry.classList.add("cal-dragged");
});

document.addEventListener("dragover", (event) => {
  const cell = place(event);
  if (!cell) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
  mark(cell);
});

document.addEventListener("dragend", () => {
  dragged?.classList.remove("cal-dragged");
  dragged = null;
  mark(null);
});

document.addEventListener("drop", (event) => {
  const cell = place(event);
  if (!cell) return;
  event.preventDefault();
  const entry = dragged;
  mark(null);
  if (cell.contains(entry)) return;
  const values = { id: entry.dataset.entry, etag: entry.dataset.etag, day: cell.dataset.day };
  if (cell.dataset.hour) values.hour = cell.dataset.hour;
  const calendar = cell.closest("[data-calendar]");
  htmx.ajax("POST", calendar.dataset.calendar, { source: calendar, target: calendar, swap: "outerHTML", values });
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "m" || event.ctrlKey || event.metaKey || event.altKey) return;
  const entry = event.target.closest?.("[data-move]");
  if (!entry) return;
  event.preventDefault();
  location.assign(entry.dataset.move);
});

document.addEventListener("change", (event) => {
  event.target.closest("form[data-submit-on-change]")?.requestSubmit();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.querySelector("span").textContent = button.dataset.copied;
  } catch {
    // Not allowed here: it is selected, for the keyboard's own copy.
    field.focus();
  }
});
