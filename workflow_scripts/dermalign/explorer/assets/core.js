// What all parts of the explorer share: data that come in scripts, packed numbers, elements.
// Classic scripts, one after the other, each in a function of its own: modules and fetch fail on pages of a file.
(function () {
  "use strict";

  /** @type {Map<string, any>} */
  const delivered = new Map();
  /** @type {Map<string, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  const waiting = new Map();
  /** @type {Map<string, Promise<any>>} */
  const loading = new Map();

  /** Called by the scripts of data, which hold one value each. */
  function deliver(name, value) {
    delivered.set(name, value);
    waiting.get(name)?.resolve(value);
    waiting.delete(name);
  }

  /** Whether a value came with the page itself, as all of a page in one file do. */
  function isThere(name) {
    return delivered.has(name);
  }

  /**
   * Return a promise of a part of the data, which is loaded once until it is forgotten.
   * @param {string} name its path in the folder data, without suffix
   */
  function load(name) {
    if (delivered.has(name)) return Promise.resolve(delivered.get(name));
    const known = loading.get(name);
    if (known) return known;
    const script = document.createElement("script");
    const promise = new Promise((resolve, reject) => {
      waiting.set(name, { resolve, reject });
      script.onerror = () => reject(new Error(`The file data/${name}.js is not there, or cannot be read.`));
      script.src = `data/${name}.js`;
      document.head.append(script);
    }).finally(() => {
      loading.delete(name);
      waiting.delete(name);
      script.remove();
    });
    loading.set(name, promise);
    return promise;
  }

  /** Let a part of the data go, so that memory stays flat; it is loaded again when it is asked for. */
  function forget(name) {
    delivered.delete(name);
  }

  /**
   * Return whole numbers that `packing.packed` of dermalign wrote.
   * @param {string} text base64
   * @param {number} width bytes of each number
   * @returns {Promise<Uint32Array>}
   */
  async function unpack(text, width) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const planes = new Uint8Array(await new Response(stream).arrayBuffer());
    const count = planes.length / width;
    const values = new Uint32Array(count);
    for (let plane = 0; plane < width; plane += 1) {
      const unit = 256 ** plane;
      const start = plane * count;
      for (let place = 0; place < count; place += 1) values[place] += planes[start + place] * unit;
    }
    return values;
  }

  const SVG = "http://www.w3.org/2000/svg";
  const SVG_TAGS = new Set(["svg", "path", "line", "circle", "polygon", "polyline", "text", "g", "rect", "title"]);

  /**
   * Return a new element. Texts become text, never markup: names may hold anything.
   * @param {string} tag
   * @param {Record<string, any>} [settings] attributes; functions are listeners; null and false are left out
   * @param {...(Node | string)} children
   */
  function element(tag, settings, ...children) {
    const made = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(settings || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === "function") made.addEventListener(name, value);
      else made.setAttribute(name, value === true ? "" : String(value));
    }
    made.append(...children);
    return made;
  }

  /** Return the element with an id of the page. */
  function byId(id) {
    const found = document.getElementById(id);
    if (!found) throw new Error(`the page has no element ${id}`);
    return found;
  }

  /** Fill a list to choose from. @param {[string, string][]} choices values and words */
  function fill(select, choices, chosen) {
    select.replaceChildren(...choices.map(([value, words]) => element("option", { value }, words)));
    select.value = choices.some(([value]) => value === chosen) ? chosen : (choices[0] || [""])[0];
  }

  /** Return a threshold as it is written in file names. @param {number} thousandths */
  function thresholdName(thousandths) {
    return (thousandths / 1000).toFixed(3);
  }

  /** Say something to all readers, those who do not see the page, too. */
  function say(text) {
    byId("said").textContent = text;
  }

  /** Call a function before the next picture of the screen, however often it is asked for until then. */
  function onceAFrame(action) {
    let asked = false;
    return () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        action();
      });
    };
  }

  window.dermalign = { deliver, isThere, load, forget, unpack, element, byId, fill, thresholdName, say, onceAFrame };
})();
