// Where the page begins: which of its two views is shown, and what keys do.
(function () {
  "use strict";
  const { load, byId, state, change, onChange, FILTERS } = window.dermalign;
  const { beginGallery, showGallery, beginPicture, showPicture, pictureChanged } = window.dermalign;
  const { beginFeedback, drawByKey, undo, setThreshold, threshold, go, zoomBy, moveBy, setView, ZOOM_STEP } = window.dermalign;

  function showView() {
    const isPicture = Boolean(state.image);
    byId("gallery").hidden = isPicture;
    byId("picture").hidden = !isPicture;
    document.title = isPicture ? `${state.image} – dermalign explorer` : "dermalign explorer";
  }

  function begin(study) {
    for (const place of document.querySelectorAll(".study-name")) place.textContent = study.study;
    if (!study.sources.some((source) => source.path === state.source)) state.source = study.sources[0]?.path ?? "";
    if (!study.features.some((feature) => feature.name === state.feature)) state.feature = "union";
    beginGalleryChoice(study);
    beginFeedback(study);
    beginGallery(study);
    beginPicture(study);
    onChange(changed);
    showView();
    // The gallery first, whose order says which picture is next.
    showGallery().then(() => state.image && showPicture());
    document.addEventListener("keydown", pressed);
    byId("help-open").addEventListener("click", () => byId("help").showModal());
    byId("help-close").addEventListener("click", () => byId("help").close());
  }

  /** The model and the method of the gallery: two lists, of which the second has what the first leaves. */
  function beginGalleryChoice(study) {
    const form = byId("filters");
    const parts = (path) => [path.slice(0, path.indexOf("/")), path.slice(path.indexOf("/") + 1)];
    const models = [...new Set(study.sources.map((source) => parts(source.path)[0]))];
    const methodsOf = (model) => study.sources.filter((source) => parts(source.path)[0] === model);
    const words = (source) => source.words.slice(source.words.indexOf(": ") + 2);
    function show() {
      const [model] = parts(state.source || "/");
      window.dermalign.fill(form.elements.model, models.map((name) => [name, name]), model);
      window.dermalign.fill(form.elements.method, methodsOf(model).map((source) => [source.path, words(source)]), state.source);
      window.dermalign.fill(form.elements.feature, study.features.map((each) => [each.name, each.words]), state.feature);
    }
    form.elements.model.addEventListener("input", () => {
      const [, method] = parts(state.source);
      const others = methodsOf(form.elements.model.value);
      const same = others.find((source) => parts(source.path)[1] === method);
      change({ source: (same || others[0]).path, page: "1" });
    });
    form.elements.method.addEventListener("input", () => change({ source: form.elements.method.value, page: "1" }));
    form.elements.feature.addEventListener("input", () => change({ feature: form.elements.feature.value, page: "1" }));
    onChange(show);
    show();
  }

  function changed(names) {
    if (names.includes("image")) {
      showView();
      if (state.image) window.scrollTo(0, 0);
    }
    if (state.image) pictureChanged(names);
    else if (names.some((name) => name === "image" || name in FILTERS || name === "source" || name === "feature")) showGallery();
  }

  const typing = (target) => target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");

  /** What keys do beside a picture; none of them while something is typed or chosen. */
  function pressed(event) {
    if (event.altKey || byId("help").open) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key === "z" && state.image && !event.target.matches("input[type=text], textarea")) {
        event.preventDefault();
        undo();
      }
      return;
    }
    if (typing(event.target)) return;
    if (event.key === "?") byId("help").showModal();
    else if (state.image && pressedBesidePicture(event)) event.preventDefault();
  }

  function pressedBesidePicture(event) {
    const onStage = event.target.matches(".stage");
    if (onStage && drawByKey(event)) return true;
    if (event.target.matches("input[type=radio]") && event.key.startsWith("Arrow")) return false;
    const actions = {
      n: () => go(1),
      p: () => go(-1),
      "[": () => setThreshold(threshold() - 10),
      "]": () => setThreshold(threshold() + 10),
      "{": () => setThreshold(threshold() - 1),
      "}": () => setThreshold(threshold() + 1),
      b: () => byId("threshold-best").click(),
      v: () => cycle("view"),
      f: () => cycle("feature"),
      m: () => cycle("source"),
      "+": () => zoomBy(ZOOM_STEP),
      "-": () => zoomBy(1 / ZOOM_STEP),
      0: () => setView(1, 0.5, 0.5),
      g: () => change({ image: "" }, true),
      Escape: () => change({ image: "" }, true),
      ArrowRight: () => (onStage && Number(state.zoom) > 1 ? moveBy(0.1, 0) : go(1)),
      ArrowLeft: () => (onStage && Number(state.zoom) > 1 ? moveBy(-0.1, 0) : go(-1)),
      ...(onStage && Number(state.zoom) > 1 ? { ArrowUp: () => moveBy(0, -0.1), ArrowDown: () => moveBy(0, 0.1) } : {}),
    };
    const outline = window.dermalign.outlineNames()[Number(event.key) - 1];
    if (outline) actions[event.key] = () => window.dermalign.toggleOutline(outline, !window.dermalign.outlinesOn().includes(outline));
    if (!Object.hasOwn(actions, event.key)) return false;
    actions[event.key]();
    return true;
  }

  /** Choose the next of a list. */
  function cycle(id) {
    const list = byId(id);
    change({ [id]: list.options[(list.selectedIndex + 1) % list.options.length].value });
  }

  if (typeof DecompressionStream === "undefined") {
    byId("failure").textContent = "This browser is too old for the explorer: it needs one of 2023 or later.";
    byId("failure").hidden = false;
  } else {
    load("study").then(begin, (error) => {
      byId("failure").textContent = `${error.message} Copy the whole folder explorer, with all that is in it.`;
      byId("failure").hidden = false;
    });
  }
})();
