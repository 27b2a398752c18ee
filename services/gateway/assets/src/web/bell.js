// The bell asks what is unread while somebody is at the page: one left open would keep its session alive.
import htmx from "htmx.org";

const EVERY = 20_000;
const AWAY = 600_000;

const bell = document.getElementById("bell");
let used = Date.now();

function ring() {
  if (!document.hidden && Date.now() - used < AWAY) htmx.trigger(bell, "ring");
}

if (bell) {
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"]) {
    window.addEventListener(kind, () => (used = Date.now()), { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", () => {
    used = Date.now();
    ring();
  });
  setInterval(ring, EVERY);
}
