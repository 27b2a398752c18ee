// What every page of the web interface loads: Tabler's behaviour, htmx under a strict policy, and the keyboard.
import "@tabler/core/dist/js/tabler.esm.js";
import "./web/requests.js";
import "./web/bell.js";
import "./web/forms.js";
import "./web/keyboard.js";
import "./web/calendar.js";
