// One picture: its maps at the threshold, J, the curve, the scores of all classes.
(function () {
  "use strict";
  const { load, forget, isThere, element, byId, fill, thresholdName, say, onceAFrame } = window.dermalign;
  const { state, change, overlap, overlapAt, Stage, palette, drawChart, address, neighbour, position } = window.dermalign;
  const KEPT = 8; // pictures whose data stay in memory
  const PLACES = ["side-0", "side-1"];

  let study;
  let stages;
  let places; // number of each picture by name
  let shown = null; // {picture, sides: [{source, data, overlap}], moveCursor}
  let asked = 0;
  const recent = [];

  function begin(of) {
    study = of;
    places = new Map(study.pictures.image.map((name, place) => [name, place]));
    stages = PLACES.map((id) => new Stage(byId(id)));
    const sources = study.sources.map((source) => [source.path, source.words]);
    fill(byId("source"), sources, state.source);
    fill(byId("versus"), [["", "nothing"], ...sources], state.versus);
    fill(byId("feature"), study.features.map((each) => [each.name, each.words]), state.feature);
    fill(byId("colours"), Object.keys(study.colours).map((name) => [name, name === "gray" ? "grey" : name]), state.colours);
    for (const id of ["source", "versus", "feature", "view", "colours", "opacity"]) {
      byId(id).addEventListener("input", () => change({ [id]: byId(id).value }));
    }
    byId("threshold").addEventListener("input", () => setThreshold(Number(byId("threshold").value)));
    byId("threshold-number").addEventListener("change", () => {
      const value = Number(byId("threshold-number").value);
      if (byId("threshold-number").value !== "" && value >= 0 && value <= 1) setThreshold(Math.round(value * 1000));
      else drawThreshold();
    });
    byId("threshold-best").addEventListener("click", () => setThreshold(bestThreshold()));
    byId("before").addEventListener("click", () => go(-1));
    byId("after").addEventListener("click", () => go(1));
    byId("back").addEventListener("click", () => change({ image: "" }, true));
    byId("zoom-in").addEventListener("click", () => window.dermalign.zoomBy(window.dermalign.ZOOM_STEP));
    byId("zoom-out").addEventListener("click", () => window.dermalign.zoomBy(1 / window.dermalign.ZOOM_STEP));
    byId("zoom-reset").addEventListener("click", () => window.dermalign.setView(1, 0.5, 0.5));
  }

  function setThreshold(thousandths) {
    change({ threshold: thresholdName(Math.min(1000, Math.max(0, thousandths))) });
  }

  /** Return the best threshold of the source and feature in thousandths; 500 where maps are constant. */
  function bestThreshold() {
    const name = shown?.sides[0]?.data?.best[state.feature]?.threshold;
    return name ? Math.round(Number(name) * 1000) : 500;
  }

  function threshold() {
    const value = Number(state.threshold);
    return state.threshold === "" || !(value >= 0 && value <= 1) ? bestThreshold() : Math.round(value * 1000);
  }

  async function go(steps) {
    const next = await neighbour(state.image, steps);
    if (next !== null) change({ image: next, zoom: "1", x: "0.5", y: "0.5" }, true);
    else say("This is the last picture of the gallery's order.");
  }

  async function pictureData(name) {
    const part = `pictures/${study.pictures.file[places.get(name)]}`;
    const isEmbedded = isThere(part);
    const picture = await load(part);
    if (!isEmbedded || recent.includes(part)) {
      if (recent.includes(part)) recent.splice(recent.indexOf(part), 1);
      recent.push(part);
      if (recent.length > KEPT) forget(recent.shift());
    }
    return picture;
  }

  /** Show the picture that the address tells. */
  async function showPicture() {
    asked += 1;
    const mine = asked;
    const place = places.get(state.image);
    if (place === undefined) {
      problem(`There is no picture ${state.image} in this explorer.`);
      return;
    }
    try {
      const paths = [state.source, state.versus].filter((path) => study.sources.some((each) => each.path === path));
      const [picture, file, ...data] = await Promise.all([
        pictureData(state.image),
        address(study.pictures.file[place]),
        ...paths.map((path) => load(`sources/${study.sources.findIndex((each) => each.path === path)}`)),
      ]);
      const overlaps = await Promise.all(paths.map((path) => overlap(picture, path, state.feature)));
      const colours = await palette(study.colours, state.colours in study.colours ? state.colours : "viridis");
      if (mine !== asked) return; // something else was asked for meanwhile
      problem("");
      const sides = paths.map((source, side) => ({ source, data: data[side], overlap: overlaps[side] }));
      shown = { picture, place, sides, colours };
      draw(file);
    } catch (error) {
      if (mine === asked) problem(String(error.message || error));
    }
  }

  function problem(words) {
    byId("problem").textContent = words;
    byId("problem").hidden = !words;
    byId("picture-parts").hidden = Boolean(words);
  }

  const featureWords = (name) => study.features.find((each) => each.name === name)?.words ?? name;
  const sourceWords = (path) => study.sources.find((each) => each.path === path)?.words ?? path;

  function draw(file) {
    const { picture, place, sides } = shown;
    const diagnosis = study.pictures.diagnosis[place];
    byId("picture-name").textContent = picture.image;
    byId("picture-facts").textContent = `diagnosis ${diagnosis}, ${picture.width.toLocaleString("en")} × ${picture.height.toLocaleString("en")} pixels`;
    const [number, total] = position(picture.image);
    byId("picture-position").textContent = number ? `${number} of ${total}` : "";
    for (const id of ["source", "versus", "feature", "view", "colours", "opacity"]) byId(id).value = state[id];
    byId("colour-bar").style.background = gradient(shown.colours);
    byId("colour-bar").style.opacity = String(Number(state.opacity) / 100);
    stages.forEach((stage, side) => {
      const of = sides[side];
      byId(`figure-${side}`).hidden = !of;
      if (!of) return;
      stage.setPicture(picture, file, `${picture.image}, diagnosis ${diagnosis}, with the map of ${sourceWords(of.source)}`);
      stage.setMap(of.overlap);
      byId(`caption-${side}`).textContent = sourceWords(of.source);
      byId(`caption-${side}`).hidden = sides.length === 1;
      stage.place();
    });
    byId("figures").classList.toggle("is-pair", sides.length > 1);
    drawOutlineSwitches();
    drawOutlines();
    drawScores();
    drawCurves();
    drawThreshold();
    window.dermalign.showFeedback(picture, stages[0]);
  }

  function gradient(colours) {
    const steps = [0, 32, 64, 96, 128, 160, 192, 224, 255];
    const stops = steps.map((step) => `rgb(${colours[step * 3]} ${colours[step * 3 + 1]} ${colours[step * 3 + 2]})`);
    return `linear-gradient(to right, ${stops.join(", ")})`;
  }

  /** Return the names of the outlines that are on; `feature` stands for the chosen one. */
  function outlinesOn() {
    return state.outlines.split(",").map((name) => (name === "feature" ? state.feature : name));
  }

  function outlineNames() {
    return [...study.features.map((each) => each.name), ...(study.has_lesions ? ["lesion"] : [])];
  }

  /** Return the class that gives an outline its colour. */
  function colourOf(name) {
    if (name === "union") return "colour-union";
    if (name === "lesion") return "colour-lesion";
    return `colour-${study.features.findIndex((each) => each.name === name) % 8}`;
  }

  function drawOutlineSwitches() {
    const { picture } = shown;
    const on = outlinesOn();
    const pixels = picture.width * picture.height;
    byId("outline-switches").replaceChildren(
      ...outlineNames().map((name) => {
        const isDrawn = Boolean(picture.outlines[name]);
        const box = element("input", { type: "checkbox", value: name, disabled: !isDrawn });
        box.checked = isDrawn && on.includes(name);
        box.addEventListener("input", () => toggleOutline(name, box.checked));
        const share = picture.white[name] ? `${((100 * picture.white[name]) / pixels).toFixed(1)} %` : "";
        const missing = picture.white[name] ? "too small to be drawn" : "not on this picture";
        return element(
          "label",
          { class: isDrawn ? "" : "is-absent" },
          box,
          element("span", { class: `swatch ${colourOf(name)}`, "aria-hidden": "true" }),
          element("span", {}, name === "lesion" ? "lesion" : featureWords(name)),
          element("span", { class: "share" }, isDrawn ? share : missing)
        );
      })
    );
  }

  function toggleOutline(name, isOn) {
    const on = new Set(outlinesOn());
    if (isOn) on.add(name);
    else on.delete(name);
    change({ outlines: [...on].filter(Boolean).join(",") || "none" });
  }

  function drawOutlines() {
    const on = outlinesOn();
    const paths = outlineNames()
      .filter((name) => on.includes(name) && shown.picture.outlines[name])
      .map((name) => [colourOf(name), shown.picture.outlines[name]]);
    stages.forEach((stage, side) => {
      if (shown.sides[side]) stage.setOutlines(paths);
    });
  }

  function drawScores() {
    const { picture, place } = shown;
    const diagnosis = study.pictures.diagnosis[place];
    const tables = Object.entries(study.classifiers).map(([model, { classes }]) => {
      const scores = picture.probabilities[model] || [];
      const predicted = study.pictures.predicted[model]?.[place];
      const rows = classes.map((name, number) => {
        const score = scores[number];
        const marks = [...(name === diagnosis ? ["diagnosis"] : []), ...(name === predicted ? ["predicted"] : [])];
        const bar = element("span", { class: "bar" }, element("span", { class: "filled" }));
        bar.firstChild.style.width = `${(100 * (score || 0)).toFixed(1)}%`;
        return element(
          "tr",
          { class: marks.map((mark) => `is-${mark}`).join(" ") },
          element("th", { scope: "row" }, name),
          element("td", {}, bar),
          element("td", { class: "number" }, score === undefined ? "–" : score.toFixed(3)),
          element("td", {}, marks.join(", "))
        );
      });
      const head = element(
        "tr",
        {},
        ...["class", "score", "", ""].map((words, column) =>
          words ? element("th", { scope: "col", colspan: column === 1 ? 2 : null }, words) : element("td", {})
        ).filter((_, column) => column !== 2)
      );
      return element("table", { class: "scores" }, element("caption", {}, model), element("thead", {}, head), element("tbody", {}, ...rows));
    });
    byId("scores").replaceChildren(...tables);
    byId("scores-part").hidden = !tables.length;
  }

  const every = (values) => values.map((value, place) => [place * (1000 / (values.length - 1)), value]).filter(([, value]) => value !== null);

  function curvePoints(curve) {
    const points = [];
    for (let at = 0; at <= 1000; at += 1) points.push([at, overlapAt(curve, at).jaccard]);
    return points;
  }

  function drawCurves() {
    const { picture, sides } = shown;
    const feature = state.feature;
    const curves = [];
    const levels = [];
    const marks = [];
    const first = sides[0];
    (first?.data.controls || []).forEach((control, number) => {
      const mean = control.mean[feature];
      if (mean) curves.push({ name: `control dash-${number % 6}`, points: every(mean) });
    });
    sides.forEach(({ data, overlap: of }, side) => {
      if (data.mean[feature]) curves.push({ name: `mean side-${side}`, points: every(data.mean[feature]) });
      if (of && of.curve.mask) curves.push({ name: `own side-${side}`, points: curvePoints(of.curve) });
      const best = data.best[feature]?.threshold;
      if (best) marks.push({ name: `best side-${side}`, threshold: Number(best) * 1000 });
    });
    const ceiling = first?.overlap && picture.ceilings[first.overlap.map.grid]?.[feature];
    if (ceiling) levels.push({ name: "ceiling", value: ceiling });
    shown.moveCursor = drawChart(byId("chart"), curves, levels, marks);
    byId("chart-title").textContent = `J of ${featureWords(feature)} against the threshold`;
  }

  /** All that moves with the slider: cells, numbers and the line in the chart. */
  function drawThreshold() {
    if (!shown) return;
    const at = threshold();
    byId("threshold").value = String(at);
    byId("threshold").setAttribute("aria-valuetext", thresholdName(at));
    if (document.activeElement !== byId("threshold-number")) byId("threshold-number").value = thresholdName(at);
    const values = shown.sides.map(({ overlap: of }, side) => {
      stages[side].drawMap(at, state.view, Number(state.opacity), shown.colours);
      return drawJaccard(of, side, at);
    });
    shown.moveCursor(at, values);
    drawNumbers(at, values);
  }

  /** Write J, and what it is made of; return it. */
  function drawJaccard(of, side, at) {
    const output = byId(`jaccard-${side}`);
    const counts = byId(`counts-${side}`);
    const found = of ? overlapAt(of.curve, at) : null;
    const jaccard = found ? found.jaccard : null;
    output.textContent = jaccard === null ? "–" : jaccard.toFixed(4);
    output.setAttribute("value", jaccard === null ? "" : String(jaccard));
    const feature = featureWords(state.feature);
    if (!of) counts.textContent = "this source has no map of this picture";
    else if (jaccard === null) counts.textContent = `no ${feature} on this picture`;
    else counts.textContent = `${found.intersection.toLocaleString("en")} of ${found.union.toLocaleString("en")} pixels`;
    byId(`degenerate-${side}`).hidden = !of?.map.degenerate;
    return jaccard;
  }

  function drawNumbers(at, values) {
    const { picture, sides } = shown;
    const feature = state.feature;
    const mean = (curve) => {
      const exact = curve && at % (1000 / (curve.length - 1)) === 0;
      const value = curve ? curve[Math.round((at * (curve.length - 1)) / 1000)] : null;
      return value === null ? "–" : `${exact ? "" : "≈ "}${value.toFixed(3)}`;
    };
    const rows = [];
    sides.forEach(({ source, data }, side) => {
      const best = data.best[feature];
      const of = sides.length > 1 ? `, ${sourceWords(source)}` : "";
      rows.push([`key own side-${side}`, `this picture${of}`, values[side] === null ? "–" : values[side].toFixed(3)]);
      rows.push([`key mean side-${side}`, `mean of ${(best?.n ?? 0).toLocaleString("en")} pictures${of}`, mean(data.mean[feature])]);
      if (best?.threshold) rows.push([`key best side-${side}`, `best threshold ${best.threshold}${of}: highest mean`, best.mean.toFixed(3)]);
    });
    const grid = sides[0]?.overlap?.map.grid;
    const ceiling = grid && picture.ceilings[grid]?.[feature];
    if (ceiling) rows.push(["key ceiling", `ceiling: the most that ${grid.replace("x", " × ")} cells allow on this picture`, ceiling.toFixed(3)]);
    const meanCeiling = sides[0]?.data.ceilings[feature];
    if (meanCeiling) rows.push(["", "mean ceiling of the study", meanCeiling.toFixed(3)]);
    (sides[0]?.data.controls || []).forEach((control, number) => {
      rows.push([`key control dash-${number % 6}`, `control, mean: ${control.words}`, mean(control.mean[feature])]);
    });
    byId("numbers").replaceChildren(
      ...rows.map(([key, words, value]) =>
        element(
          "tr",
          {},
          element("td", {}, key ? lineSample(key) : ""),
          element("th", { scope: "row" }, words),
          element("td", { class: "number" }, value)
        )
      )
    );
    byId("numbers-title").textContent = `J at threshold ${thresholdName(at)}`;
  }

  function lineSample(key) {
    const sample = element("svg", { class: "sample", viewBox: "0 0 28 8", "aria-hidden": "true" });
    sample.append(element("line", { class: key.replace("key", "curve"), x1: 0, x2: 28, y1: 4, y2: 4 }));
    return sample;
  }

  const moved = onceAFrame(drawThreshold);
  const placed = onceAFrame(() => stages.forEach((stage) => stage.place()));

  /** Draw again what a change of the address touches, and nothing else. */
  function pictureChanged(names) {
    const touches = (...others) => others.some((name) => names.includes(name));
    if (touches("image", "source", "versus", "feature", "colours")) return showPicture();
    if (!shown) return undefined;
    if (touches("zoom", "x", "y")) placed();
    if (touches("outlines")) {
      drawOutlineSwitches();
      drawOutlines();
    }
    if (touches("opacity", "view")) {
      byId("opacity").value = state.opacity;
      byId("view").value = state.view;
      byId("colour-bar").style.opacity = String(Number(state.opacity) / 100);
    }
    if (touches("threshold", "opacity", "view")) moved();
    return undefined;
  }

  Object.assign(window.dermalign, {
    beginPicture: begin,
    pictureChanged,
    showPicture,
    setThreshold,
    threshold,
    go,
    toggleOutline,
    outlinesOn,
    outlineNames,
    colourOf,
    featureWords,
  });
})();
