// What is shown, as the page's address tells it: a link restores the view.
(function () {
  "use strict";

  const FILTERS = {
    diagnosis: "",
    predicted: "",
    correct: "",
    shows: "",
    feedback: "",
    search: "",
    confidence_from: "",
    confidence_to: "",
    j_from: "",
    j_to: "",
    sort: "name",
    order: "up",
    page: "1",
  };
  const SHOWN = {
    image: "",
    source: "",
    versus: "",
    feature: "union",
    threshold: "",
    view: "heat",
    opacity: "60",
    colours: "viridis",
    outlines: "feature",
    zoom: "1",
    x: "0.5",
    y: "0.5",
  };
  const BEGINNING = { ...FILTERS, ...SHOWN };
  const state = { ...BEGINNING };
  const listeners = [];
  let written = "";
  let timer = 0;

  function fragment() {
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) if (value !== BEGINNING[name]) parts.set(name, value);
    return `#${parts}`;
  }

  function read() {
    const parts = new URLSearchParams(location.hash.slice(1));
    for (const name of Object.keys(BEGINNING)) state[name] = parts.get(name) ?? BEGINNING[name];
    written = fragment();
  }

  function write(isNewStep) {
    clearTimeout(timer);
    const text = fragment();
    if (text === written) return;
    written = text;
    if (isNewStep) location.hash = text;
    else location.replace(text);
  }

  /**
   * Change what is shown. Values are texts, as in the address.
   * @param {Record<string, string>} changes
   * @param {boolean} [isNewStep] whether the browser's way back leads to what was shown before
   */
  function change(changes, isNewStep = false) {
    if (isNewStep) write(false); // what was shown last is what the way back leads to
    Object.assign(state, changes);
    if (isNewStep) write(true);
    else {
      // Browsers allow few changes of an address a second.
      clearTimeout(timer);
      timer = window.setTimeout(() => write(false), 200);
    }
    for (const listener of listeners) listener(Object.keys(changes));
  }

  /** Call a function with the names of what changed. */
  function onChange(listener) {
    listeners.push(listener);
  }

  window.addEventListener("hashchange", () => {
    if (location.hash === written || location.hash === fragment()) return;
    read();
    for (const listener of listeners) listener(Object.keys(BEGINNING));
  });
  window.addEventListener("pagehide", () => write(false));
  read();

  Object.assign(window.dermalign, { state, change, onChange, FILTERS });
})();
