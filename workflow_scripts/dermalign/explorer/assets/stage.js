// A picture with a map over it and outlines on it, zoomed and moved together with the one beside it.
(function () {
  "use strict";
  const { element, state, change, unpack } = window.dermalign;
  const FURTHEST = 16;
  const STEP = 1.25;

  /** @type {Map<string, Uint32Array>} colours by name, three numbers for each of 256 values */
  const palettes = new Map();

  async function palette(colours, name) {
    if (!palettes.has(name)) palettes.set(name, await unpack(colours[name], 1));
    return palettes.get(name);
  }

  /** Return zoom and middle of the view as numbers within their bounds, and so that the picture fills the view. */
  function view() {
    const zoom = Math.min(FURTHEST, Math.max(1, Number(state.zoom) || 1));
    const inside = (value) => Math.min(1 - 0.5 / zoom, Math.max(0.5 / zoom, Number(value) || 0.5));
    return { zoom, x: inside(state.x), y: inside(state.y) };
  }

  function setView(zoom, x, y) {
    const bound = Math.min(FURTHEST, Math.max(1, zoom));
    const inside = (value) => Math.min(1 - 0.5 / bound, Math.max(0.5 / bound, value));
    const rounded = (value, digits) => String(Number(value.toFixed(digits)));
    change({ zoom: rounded(bound, 2), x: rounded(inside(x), 4), y: rounded(inside(y), 4) });
  }

  /** Zoom by a factor about a point of the picture (0 to 1), or about the middle. */
  function zoomBy(factor, point) {
    const { zoom, x, y } = view();
    const next = Math.min(FURTHEST, Math.max(1, zoom * factor));
    const at = point || { x, y };
    setView(next, at.x + ((x - at.x) * zoom) / next, at.y + ((y - at.y) * zoom) / next);
  }

  /** Move the view by parts of what is seen. */
  function moveBy(across, down) {
    const { zoom, x, y } = view();
    setView(zoom, x + across / zoom, y + down / zoom);
  }

  class Stage {
    /** @param {HTMLElement} root an empty element that can have the focus */
    constructor(root) {
      this.root = root;
      this.image = element("img", { alt: "", draggable: "false" });
      this.canvas = element("canvas", { class: "map", "aria-hidden": "true" });
      this.outlines = element("svg", { class: "outlines", preserveAspectRatio: "none", "aria-hidden": "true" });
      this.drawing = element("svg", { class: "drawing", preserveAspectRatio: "none", "aria-hidden": "true" });
      this.inner = element("div", { class: "inner" }, this.image, this.canvas, this.outlines, this.drawing);
      root.replaceChildren(this.inner);
      /** What draws regions, where it is on: it takes what the pointer does. */
      this.pen = null;
      this.pointers = new Map();
      this.listen();
    }

    /** Return where an event is in the picture, 0 to 1 from its upper left corner. */
    point(event) {
      const box = this.inner.getBoundingClientRect();
      return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    }

    listen() {
      const { root, pointers } = this;
      root.addEventListener(
        "wheel",
        (event) => {
          event.preventDefault();
          zoomBy(event.deltaY < 0 ? STEP : 1 / STEP, this.point(event));
        },
        { passive: false }
      );
      root.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        root.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, event);
        if (pointers.size === 1 && this.pen) this.pen.down(this.point(event), event);
      });
      root.addEventListener("pointermove", (event) => {
        const before = pointers.get(event.pointerId);
        if (this.pen && pointers.size < 2) {
          this.pen.move(this.point(event), Boolean(before));
          if (before) pointers.set(event.pointerId, event);
          return;
        }
        if (!before) return;
        if (pointers.size === 1) this.drag(before, event);
        else this.pinch(event);
        pointers.set(event.pointerId, event);
      });
      const end = (event) => {
        const wasAlone = pointers.size === 1;
        if (pointers.delete(event.pointerId) && wasAlone && this.pen) this.pen.up(this.point(event));
      };
      root.addEventListener("pointerup", end);
      root.addEventListener("pointercancel", end);
      root.addEventListener("dblclick", (event) => {
        if (this.pen) this.pen.close();
        else zoomBy(STEP * STEP, this.point(event));
      });
    }

    drag(before, event) {
      const box = this.root.getBoundingClientRect();
      moveBy((before.clientX - event.clientX) / box.width, (before.clientY - event.clientY) / box.height);
    }

    pinch(event) {
      const others = [...this.pointers.values()].filter((each) => each.pointerId !== event.pointerId);
      const before = this.pointers.get(event.pointerId);
      const distance = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY) || 1;
      zoomBy(distance(event) / distance(before), this.point(event));
    }

    /** Show a picture. @param {any} picture its data @param {string} address of its file @param {string} words */
    setPicture(picture, address, words) {
      const [width, height] = picture.shown;
      this.picture = picture;
      this.image.src = address;
      this.image.alt = words;
      this.root.style.aspectRatio = `${picture.width} / ${picture.height}`;
      this.outlines.setAttribute("viewBox", `0 0 ${width * 10} ${height * 10}`);
      this.drawing.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
    }

    /** Draw outlines. @param {[string, string][]} paths colour classes and SVG paths */
    setOutlines(paths) {
      this.outlines.replaceChildren(
        ...paths.flatMap(([name, path]) => [
          element("path", { d: path, class: "halo" }),
          element("path", { d: path, class: `outline ${name}` }),
        ])
      );
    }

    /** Take a map, or null. @param {any} overlap as `dermalign.overlap` gives it */
    setMap(overlap) {
      this.overlap = overlap;
      this.canvas.hidden = !overlap;
      if (!overlap) return;
      const [rows, columns] = overlap.shape;
      if (this.canvas.width !== columns || this.canvas.height !== rows) {
        this.canvas.width = columns;
        this.canvas.height = rows;
      }
      this.pixels = new ImageData(columns, rows);
    }

    /** Draw the map at a threshold in thousandths: a pixel of the canvas is a cell, and nothing larger is touched. */
    drawMap(threshold, how, opacity, colours) {
      this.canvas.style.opacity = String(how === "none" ? 0 : opacity / 100);
      if (!this.overlap || how === "none") return;
      const { levels } = this.overlap;
      const data = this.pixels.data;
      for (let place = 0; place < levels.length; place += 1) {
        const isWhite = levels[place] >= threshold;
        const at = place * 4;
        if (how === "mask") {
          data[at] = data[at + 1] = data[at + 2] = isWhite ? 255 : 0;
          data[at + 3] = 255;
        } else {
          const colour = Math.min(255, Math.round(levels[place] * 0.255)) * 3;
          data[at] = colours[colour];
          data[at + 1] = colours[colour + 1];
          data[at + 2] = colours[colour + 2];
          data[at + 3] = how === "heat" || isWhite ? 255 : 0;
        }
      }
      // Of so few pixels, written often: no matter for the graphics card.
      this.canvas.getContext("2d", { willReadFrequently: true }).putImageData(this.pixels, 0, 0);
    }

    /** Zoom and move as the address tells. */
    place() {
      const { zoom, x, y } = view();
      this.inner.style.transform = `scale(${zoom}) translate(${(0.5 - x) * 100}%, ${(0.5 - y) * 100}%)`;
      this.root.classList.toggle("is-zoomed", zoom > 1);
    }
  }

  Object.assign(window.dermalign, { Stage, palette, zoomBy, moveBy, setView, ZOOM_STEP: STEP });
})();
