// What a reader says of pictures: regions drawn, the classification right or wrong, a note, a rating.
// It is kept in this browser with every change, and leaves it only as a file that the reader saves.
(function () {
  "use strict";
  const { element, byId, fill, say, state, Stage, colourOf, featureWords, outlineNames } = window.dermalign;
  const { pixelsInside, png, zip, textInZip, base64, save, thresholdName } = window.dermalign;
  const FORMAT = "dermalign feedback 1";
  const NEAR = 10; // pixels of the screen: a click so near the first corner closes a polygon
  const FINEST = 2; // pixels of the screen between corners of what is drawn freely

  let study;
  let kept = { reader: "", pictures: {} };
  let picture = null;
  /** @type {InstanceType<typeof Stage>} */
  let stage;
  let tool = "off";
  let corners = []; // of the region that is being drawn, in pixels of the picture
  let hand = null; // where the next corner would be
  let cursor = null; // the same for the keyboard
  const steps = []; // what to go back to: [image, regions]

  const storeName = () => `dermalign feedback ${study.study}`;

  function begin(of) {
    study = of;
    recall();
    window.addEventListener("storage", (event) => {
      if (event.key !== storeName()) return;
      recall();
      if (picture) show(picture, stage);
    });
    fill(byId("draw-feature"), study.features.filter((each) => each.name !== "union").map((each) => [each.name, each.words]), "");
    byId("reader").value = kept.reader;
    byId("reader").addEventListener("input", () => {
      kept.reader = byId("reader").value.trim();
      keep();
    });
    for (const name of ["off", "polygon", "freehand"]) byId(`tool-${name}`).addEventListener("input", () => setTool(name));
    byId("undo").addEventListener("click", undo);
    byId("note").addEventListener("input", () => edit((entry) => (entry.note = byId("note").value)));
    byId("finished").addEventListener("input", () => edit((entry) => (entry.finished = byId("finished").checked)));
    for (const radio of byId("feedback").querySelectorAll("[name=right]")) radio.addEventListener("input", editLabel);
    byId("right-class").addEventListener("input", editLabel);
    for (const radio of byId("feedback").querySelectorAll("[name=rating]")) {
      radio.addEventListener("input", () => edit((entry) => (entry.ratings[state.source] = Number(radio.value))));
    }
    byId("remove").addEventListener("click", () => {
      delete kept.pictures[picture.image];
      keep();
      show(picture, stage);
      say("Your feedback on this picture is removed.");
    });
    byId("export-zip").addEventListener("click", () => exportAs("zip"));
    byId("export-json").addEventListener("click", () => exportAs("json"));
    byId("import").addEventListener("change", async () => {
      const file = byId("import").files[0];
      if (file) await importFile(file);
      byId("import").value = "";
    });
    tell();
  }

  function recall() {
    try {
      const found = JSON.parse(localStorage.getItem(storeName()) || "null");
      if (found && found.pictures) kept = found;
    } catch {
      warn("What you say is not kept when this page is closed: the browser keeps nothing for it. Export it before.");
    }
  }

  function keep() {
    try {
      localStorage.setItem(storeName(), JSON.stringify(kept));
    } catch {
      warn("The browser could not keep this change. Export your feedback now, so that nothing is lost.");
    }
    tell();
  }

  function warn(words) {
    byId("feedback-warning").textContent = words;
    byId("feedback-warning").hidden = false;
  }

  function tell() {
    const count = Object.keys(kept.pictures).length;
    byId("feedback-count").textContent = `Feedback on ${count.toLocaleString("en")} ${count === 1 ? "picture" : "pictures"}, kept in this browser.`;
    byId("export-zip").disabled = byId("export-json").disabled = !count;
  }

  const entryOf = (image) => kept.pictures[image];
  const hasFeedback = (image) => Object.hasOwn(kept.pictures, image);

  /** Change what is said of the picture, and keep it. @param {(entry: any) => void} action */
  function edit(action) {
    const entry = (kept.pictures[picture.image] ??= {
      width: picture.width,
      height: picture.height,
      finished: false,
      regions: [],
      labels: {},
      ratings: {},
      note: "",
    });
    action(entry);
    entry.time = new Date().toISOString();
    entry.threshold = thresholdName(window.dermalign.threshold());
    entry.source = state.source;
    keep();
    byId("remove").disabled = false;
  }

  const model = () => study.sources.find((source) => source.path === state.source)?.model ?? "";

  function editLabel() {
    const isRight = byId("feedback").querySelector("[name=right]:checked")?.value;
    const of = model();
    const predicted = study.pictures.predicted[of]?.[study.pictures.image.indexOf(picture.image)] ?? "";
    byId("right-class-part").hidden = isRight !== "no";
    if (isRight === "yes") edit((entry) => (entry.labels[of] = { predicted, right: true, class: predicted }));
    // What would be right is asked for; until it is told, nothing is known but that it is wrong.
    else if (isRight === "no") edit((entry) => (entry.labels[of] = { predicted, right: false, class: byId("right-class").value }));
  }

  /** Show what was said of a picture. */
  function show(of, on) {
    if (picture?.image !== of.image) leaveRegion();
    picture = of;
    stage = on;
    stage.pen = tool === "off" ? null : pen;
    const entry = entryOf(picture.image);
    byId("note").value = entry?.note ?? "";
    byId("finished").checked = Boolean(entry?.finished);
    byId("remove").disabled = !entry;
    const of_model = model();
    const label = entry?.labels[of_model];
    byId("label-part").hidden = !of_model;
    byId("label-model").textContent = of_model;
    for (const radio of byId("feedback").querySelectorAll("[name=right]")) radio.checked = Boolean(label) && label.right === (radio.value === "yes");
    const predicted = study.pictures.predicted[of_model]?.[study.pictures.image.indexOf(picture.image)];
    const classes = study.classifiers[of_model]?.classes ?? [];
    fill(byId("right-class"), [["", "not known"], ...classes.filter((name) => name !== predicted).map((name) => [name, name])], label?.class ?? "");
    byId("right-class-part").hidden = !label || label.right;
    const rating = entry?.ratings[state.source];
    for (const radio of byId("feedback").querySelectorAll("[name=rating]")) radio.checked = Number(radio.value) === rating;
    drawRegions();
  }

  // Drawing

  function setTool(name) {
    tool = name;
    leaveRegion();
    if (stage) {
      stage.pen = tool === "off" ? null : pen;
      stage.root.classList.toggle("is-drawing", tool !== "off");
    }
    byId(`tool-${name}`).checked = true;
    drawRegions();
  }

  function leaveRegion() {
    corners = [];
    hand = cursor = null;
  }

  /** Return a point (0 to 1) in pixels of the picture, within it, to a tenth. */
  function inPixels(point) {
    const bounded = (value, most) => Math.round(Math.min(most, Math.max(0, value * most)) * 10) / 10;
    return [bounded(point.x, picture.width), bounded(point.y, picture.height)];
  }

  /** Return the distance of two points of the picture in pixels of the screen. */
  function onScreen([x1, y1], [x2, y2]) {
    const box = stage.inner.getBoundingClientRect();
    return Math.hypot(((x1 - x2) / picture.width) * box.width, ((y1 - y2) / picture.height) * box.height);
  }

  function add(corner) {
    if (corners.length > 2 && tool === "polygon" && onScreen(corners[0], corner) < NEAR) finish();
    else if (!corners.length || onScreen(corners[corners.length - 1], corner) >= FINEST) corners.push(corner);
  }

  const pen = {
    down(point) {
      if (tool === "freehand") corners = [inPixels(point)];
      else add(inPixels(point));
      drawRegions();
    },
    move(point, isDown) {
      hand = inPixels(point);
      if (tool === "freehand" && isDown && corners.length) add(hand);
      if (corners.length) drawRegions();
    },
    up() {
      if (tool === "freehand") finish();
    },
    close() {
      if (tool === "polygon") finish();
    },
  };

  function finish() {
    if (corners.length > 2) {
      const points = corners;
      const feature = byId("draw-feature").value;
      remember();
      edit((entry) => {
        // Whoever draws tells what there is; that it is not all, the reader says.
        if (!entry.regions.length) entry.finished = true;
        entry.regions.push({ feature, points });
      });
      byId("finished").checked = entryOf(picture.image).finished;
      say(`A region of ${featureWords(feature)} is added.`);
    }
    leaveRegion();
    drawRegions();
  }

  function remember() {
    steps.push([picture.image, structuredClone(entryOf(picture.image)?.regions ?? [])]);
  }

  function undo() {
    if (corners.length) {
      corners.pop();
    } else {
      const last = steps.findLastIndex(([image]) => image === picture.image);
      if (last < 0) return say("There is nothing to undo on this picture.");
      const [[, regions]] = steps.splice(last, 1);
      edit((entry) => (entry.regions = regions));
    }
    drawRegions();
    return undefined;
  }

  function removeRegion(number) {
    remember();
    edit((entry) => entry.regions.splice(number, 1));
    drawRegions();
    say("The region is deleted. Undo brings it back.");
  }

  function drawRegions() {
    if (!picture || !stage) return;
    const regions = entryOf(picture.image)?.regions ?? [];
    const text = (points) => points.map((point) => point.join(",")).join(" ");
    const parts = regions.map(({ feature, points }) =>
      element("polygon", { class: `region ${colourOf(feature)}`, points: text(points) })
    );
    const ahead = cursor || (tool === "polygon" ? hand : null);
    if (corners.length) {
      const colour = colourOf(byId("draw-feature").value);
      parts.push(element("polyline", { class: `region is-open ${colour}`, points: text(ahead ? [...corners, ahead] : corners) }));
      parts.push(element("circle", { class: `corner ${colour}`, cx: corners[0][0], cy: corners[0][1], r: radius(5) }));
    }
    if (cursor) parts.push(element("circle", { class: "cursor", cx: cursor[0], cy: cursor[1], r: radius(6) }));
    stage.drawing.replaceChildren(...parts);
    byId("regions").replaceChildren(
      ...regions.map(({ feature, points }, number) =>
        element(
          "li",
          {},
          element("span", { class: `swatch ${colourOf(feature)}`, "aria-hidden": "true" }),
          element("span", {}, `${featureWords(feature)}, ${points.length} corners`),
          element("button", { type: "button", "aria-label": `delete region ${number + 1}, ${featureWords(feature)}`, click: () => removeRegion(number) }, "delete")
        )
      )
    );
    byId("regions-none").hidden = regions.length > 0;
  }

  /** Return pixels of the screen in pixels of the picture. */
  function radius(pixels) {
    return (pixels * picture.width) / (stage.inner.getBoundingClientRect().width || 1);
  }

  /** Draw by the keyboard; return whether the key was for that. */
  function drawByKey(event) {
    if (tool !== "polygon" || !picture) return false;
    const box = stage.inner.getBoundingClientRect();
    const step = (event.shiftKey ? 50 : 5) * (picture.width / (box.width || 1));
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const seen = stage.root.getBoundingClientRect();
    cursor ??= inPixels(stage.point({ clientX: seen.left + seen.width / 2, clientY: seen.top + seen.height / 2 }));
    if (moves[event.key]) {
      const [across, down] = moves[event.key];
      cursor = inPixels({ x: (cursor[0] + across * step) / picture.width, y: (cursor[1] + down * step) / picture.height });
    } else if (event.key === "Enter" || event.key === " ") add(cursor);
    else if (event.key === "c") finish();
    else if (event.key === "Backspace") corners.pop();
    else if (event.key === "Escape") leaveRegion();
    else return false;
    drawRegions();
    return true;
  }

  // Files

  const maskName = (image, feature) => `${image}_attribute_${feature}.png`;

  /** Return the masks of all pictures as [name, PNG]: all features of those that are finished, else those drawn. */
  async function masks() {
    const features = study.features.map((each) => each.name).filter((name) => name !== "union");
    const found = [];
    for (const [image, entry] of Object.entries(kept.pictures)) {
      for (const feature of features) {
        const regions = entry.regions.filter((region) => region.feature === feature).map((region) => region.points);
        if (!regions.length && !entry.finished) continue;
        const bits = pixelsInside(regions, entry.width, entry.height);
        found.push([maskName(image, feature), await png(bits, entry.width, entry.height)]);
      }
    }
    return found;
  }

  function content() {
    return {
      format: FORMAT,
      study: study.study,
      reader: kept.reader,
      written: new Date().toISOString(),
      features: study.features.map((each) => each.name).filter((name) => name !== "union"),
      classes: [...new Set(Object.values(study.classifiers).flatMap(({ classes }) => classes))],
      classifiers: Object.fromEntries(Object.entries(study.classifiers).map(([name, { sha256 }]) => [name, sha256])),
      pictures: kept.pictures,
    };
  }

  async function exportAs(kind) {
    if (!kept.reader) {
      warn("Tell your name first: it says whose feedback this is.");
      byId("reader").focus();
      return;
    }
    byId("feedback-warning").hidden = true;
    const name = `feedback_${study.study}_${kept.reader.replace(/[^A-Za-z0-9_-]+/g, "_")}`;
    const drawn = await masks();
    if (kind === "json") {
      const whole = { ...content(), masks: Object.fromEntries(drawn.map(([file, bytes]) => [file, base64(bytes)])) };
      save(`${name}.json`, JSON.stringify(whole, null, 1), "application/json");
    } else {
      const text = new TextEncoder().encode(JSON.stringify(content(), null, 1));
      save(`${name}.zip`, zip([["feedback.json", text], ...drawn.map(([file, bytes]) => [`masks/${file}`, bytes])]), "application/zip");
    }
    say("Your feedback is exported.");
  }

  async function importFile(file) {
    const result = byId("import-result");
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
      const text = isZip ? await textInZip(bytes, "feedback.json") : new TextDecoder().decode(bytes);
      let found;
      try {
        found = JSON.parse(text);
      } catch {
        throw new Error("it is neither a zip nor JSON");
      }
      result.textContent = take(found);
    } catch (error) {
      result.textContent = `${file.name} was not imported: ${error.message}.`;
    }
    say(result.textContent);
  }

  /** Take over what was exported; of a picture that both know, what was said last. Return what came of it in words. */
  function take(found) {
    if (found?.format !== FORMAT || typeof found.pictures !== "object") throw new Error("it is no feedback of this explorer");
    if (found.study !== study.study) throw new Error(`it is of the study ${found.study}, this is ${study.study}`);
    if (kept.reader && found.reader !== kept.reader && Object.keys(kept.pictures).length) {
      throw new Error(`it is of ${found.reader || "somebody without a name"}, what is kept here of ${kept.reader}`);
    }
    const known = new Set(study.pictures.image);
    const entries = Object.entries(found.pictures);
    const ours = entries.filter(([image]) => known.has(image));
    const newer = ours.filter(([image, entry]) => !(entryOf(image)?.time >= entry.time));
    for (const [image, entry] of newer) kept.pictures[image] = { regions: [], labels: {}, ratings: {}, note: "", ...entry };
    kept.reader ||= found.reader || "";
    byId("reader").value = kept.reader;
    keep();
    if (picture) show(picture, stage);
    const parts = [`Feedback on ${newer.length} of ${entries.length} pictures was imported`];
    if (ours.length > newer.length) parts.push(`of ${ours.length - newer.length} what is kept here is newer or the same`);
    if (entries.length > ours.length) parts.push(`${entries.length - ours.length} are not in this explorer`);
    return `${parts.join("; ")}.`;
  }

  Object.assign(window.dermalign, { beginFeedback: begin, showFeedback: show, hasFeedback, drawByKey, undo, setTool });
})();
