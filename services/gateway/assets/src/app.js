// What every page of the web interface loads: Tabler's behaviour and htmx, set to live under a strict policy.
import "@tabler/core/dist/js/tabler.esm.js";
import htmx from "htmx.org";

window.htmx = htmx;

// The content security policy forbids code made from text and style sheets made on the fly.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
// A refused form comes back as 400 with its fields kept: that answer is meant to be shown.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "4(00|09|12|13|22)", swap: true, error: false },
  { code: "...", swap: false, error: true },
];

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) event.detail.headers["X-CSRF-Token"] = token;
});
