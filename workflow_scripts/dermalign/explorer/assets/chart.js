// J against the threshold: this picture's curve beside what the whole study has.
(function () {
  "use strict";
  const { element } = window.dermalign;
  const WIDTH = 400;
  const HEIGHT = 220;
  const LEFT = 38;
  const BOTTOM = 34;
  const TOP = 8;
  const RIGHT = 8;

  const across = (threshold) => LEFT + (threshold / 1000) * (WIDTH - LEFT - RIGHT);
  const line = (points, up) => points.map(([x, y], place) => `${place ? "L" : "M"}${across(x).toFixed(1)} ${up(y).toFixed(1)}`).join("");

  /**
   * Draw curves.
   * @param {Element} root an svg element
   * @param {{name: string, points: [number, number][]}[]} curves thresholds in thousandths and J; the names are classes
   * @param {{name: string, value: number}[]} levels lines across
   * @param {{name: string, threshold: number}[]} marks lines upwards
   * @returns {(threshold: number, values: (number | null)[]) => void} what moves the threshold's line and its points
   */
  function drawChart(root, curves, levels, marks) {
    const values = [...curves.flatMap((curve) => curve.points.map(([, y]) => y)), ...levels.map((level) => level.value)];
    const step = [0.02, 0.05, 0.1, 0.2].find((each) => Math.max(0.02, ...values) / each <= 5) || 0.25;
    const highest = Math.min(1, Math.ceil(Math.max(step, ...values) / step - 1e-9) * step);
    const up = (jaccard) => HEIGHT - BOTTOM - (jaccard / highest) * (HEIGHT - TOP - BOTTOM);
    const parts = [];
    for (let value = 0; value <= highest + 1e-9; value += step) {
      parts.push(element("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(value), y2: up(value) }));
      parts.push(element("text", { x: LEFT - 5, y: up(value) + 3.5, "text-anchor": "end" }, value.toFixed(step < 0.1 ? 2 : 1)));
    }
    for (let tenth = 0; tenth <= 10; tenth += 2) {
      parts.push(element("text", { x: across(tenth * 100), y: HEIGHT - BOTTOM + 13, "text-anchor": "middle" }, (tenth / 10).toFixed(1)));
    }
    parts.push(element("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 5, "text-anchor": "middle" }, "threshold"));
    parts.push(element("text", { x: 8, y: TOP + 3, "text-anchor": "start", class: "axis" }, "J"));
    for (const { name, value } of levels) {
      parts.push(element("line", { class: `level ${name}`, x1: LEFT, x2: WIDTH - RIGHT, y1: up(value), y2: up(value) }));
    }
    for (const { name, threshold } of marks) {
      parts.push(element("line", { class: `mark ${name}`, x1: across(threshold), x2: across(threshold), y1: TOP, y2: HEIGHT - BOTTOM }));
    }
    for (const { name, points } of curves) parts.push(element("path", { class: `curve ${name}`, d: line(points, up) }));
    const cursor = element("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM });
    const dots = [0, 1].map((number) => element("circle", { class: `dot side-${number}`, r: 4 }));
    root.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    root.replaceChildren(...parts, cursor, ...dots);
    return (threshold, jaccards) => {
      cursor.setAttribute("x1", String(across(threshold)));
      cursor.setAttribute("x2", String(across(threshold)));
      dots.forEach((dot, number) => {
        const jaccard = jaccards[number];
        dot.toggleAttribute("hidden", jaccard === null || jaccard === undefined);
        dot.setAttribute("cx", String(across(threshold)));
        dot.setAttribute("cy", String(up(jaccard || 0)));
      });
    };
  }

  Object.assign(window.dermalign, { drawChart });
})();
