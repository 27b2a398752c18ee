// htmx, set to live under a policy that forbids code made from text and style sheets made on the fly.
import htmx from "htmx.org";

window.htmx = htmx;

htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.historyRestoreAsHxRequest = false;
htmx.config.historyCacheSize = 0;
// A refused form comes back as 400 with its fields kept: that answer is meant to be shown.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "4(00|09|12|13|22)", swap: true, error: false },
  { code: "...", swap: false, error: true },
];

const lost = () => document.getElementById("lost");

// What the bell meets on its own is nothing that somebody has to know.
const ours = (event) => event.target.id === "bell";

function tellLost(event) {
  const box = lost();
  if (!box || ours(event)) return;
  box.textContent = document.body.dataset.lost;
  box.hidden = false;
}

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) event.detail.headers["X-CSRF-Token"] = token;
});
document.addEventListener("htmx:sendError", tellLost);
document.addEventListener("htmx:timeout", tellLost);
document.addEventListener("htmx:responseError", tellLost);
document.addEventListener("htmx:afterOnLoad", (event) => {
  const box = lost();
  if (box && !ours(event)) box.hidden = true;
});

// An upload says how far it is.
document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = document.getElementById("upload-bar");
  if (!bar || !event.target.closest("[data-upload]") || !event.detail.lengthComputable) return;
  bar.hidden = false;
  bar.value = (100 * event.detail.loaded) / event.detail.total;
});
