// The gallery: all pictures, filtered and sorted, a page of them at a time.
(function () {
  "use strict";
  const { load, isThere, element, byId, fill, state, change, FILTERS, say } = window.dermalign;
  const PER_PAGE = 48;
  const SORTS = [
    ["name", "name"],
    ["jaccard", "J at the best threshold"],
    ["confidence", "confidence"],
    ["diagnosis", "diagnosis"],
    ["predicted", "predicted class"],
    ["correct", "right or wrong"],
  ];

  let study;
  let list = []; // places of the pictures that the filters leave, in order
  let asked = 0;

  /** Where the picture of a number lies; of a page in one file it came with it. */
  function address(file) {
    return isThere(`images/${file}`) ? window.dermalign.load(`images/${file}`) : Promise.resolve(`pictures/${file}.jpg`);
  }

  function model() {
    const chosen = study.sources.find((source) => source.path === state.source);
    return chosen && chosen.model ? chosen.model : Object.keys(study.classifiers)[0];
  }

  function isCorrect(place, of) {
    const predicted = study.pictures.predicted[of]?.[place];
    return predicted === null || predicted === undefined ? null : predicted === study.pictures.diagnosis[place];
  }

  function begin(of) {
    study = of;
    const form = byId("filters");
    const unique = (values) => [...new Set(values.filter((value) => value !== null))].sort();
    const any = (values) => [["", "any"], ...values.map((value) => [value, value])];
    const predicted = Object.values(study.pictures.predicted).flat();
    fill(form.elements.diagnosis, any(unique(study.pictures.diagnosis)), "");
    fill(form.elements.predicted, any(unique(predicted)), "");
    fill(form.elements.shows, [["", "any"], ...study.features.map((each) => [each.name, each.words])], "");
    fill(form.elements.sort, SORTS, "name");
    for (const name of Object.keys(FILTERS)) {
      form.elements[name]?.addEventListener("input", () => change({ [name]: form.elements[name].value, page: "1" }));
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    byId("filters-reset").addEventListener("click", () => change({ ...FILTERS }));
    byId("page-before").addEventListener("click", () => change({ page: String(Number(state.page) - 1) }));
    byId("page-after").addEventListener("click", () => change({ page: String(Number(state.page) + 1) }));
  }

  /** Return which pictures the filters leave, in order; J is that of the chosen source and feature. */
  async function choose() {
    const number = study.sources.findIndex((source) => source.path === state.source);
    const source = number < 0 ? null : await load(`sources/${number}`);
    const jaccard = source?.jaccard[state.feature] || [];
    const of = model();
    const { image, diagnosis, features } = study.pictures;
    const predicted = study.pictures.predicted[of] || [];
    const confidence = study.pictures.confidence[of] || [];
    const bit = study.features.findIndex((feature) => feature.name === state.shows);
    const within = (value, from, to) =>
      (from === "" && to === "") ||
      (value !== null && value !== undefined && (from === "" || value >= Number(from)) && (to === "" || value <= Number(to)));
    const wanted = state.search.trim().toLowerCase();
    const found = image
      .map((_, place) => place)
      .filter(
        (place) =>
          (!state.diagnosis || diagnosis[place] === state.diagnosis) &&
          (!state.predicted || predicted[place] === state.predicted) &&
          (!state.correct || isCorrect(place, of) === (state.correct === "right")) &&
          (bit < 0 || Math.floor(features[place] / 2 ** bit) % 2 === 1) && // shifts have 32 bits, studies may have more features
          (!state.feedback || window.dermalign.hasFeedback(image[place]) === (state.feedback === "given")) &&
          (!wanted || image[place].toLowerCase().includes(wanted)) &&
          within(confidence[place], state.confidence_from, state.confidence_to) &&
          within(jaccard[place], state.j_from, state.j_to)
      );
    const key = {
      name: () => 0,
      jaccard: (place) => jaccard[place],
      confidence: (place) => confidence[place],
      diagnosis: (place) => diagnosis[place],
      predicted: (place) => predicted[place],
      correct: (place) => (isCorrect(place, of) === null ? null : Number(isCorrect(place, of))),
    }[state.sort];
    const sign = state.order === "down" ? -1 : 1;
    const isMissing = (value) => value === null || value === undefined;
    found.sort((first, second) => {
      const [a, b] = [key(first), key(second)];
      // What has no value stands last, whichever way.
      if (isMissing(a) || isMissing(b)) return Number(isMissing(a)) - Number(isMissing(b)) || first - second;
      if (a !== b) return a < b ? -sign : sign;
      return state.sort === "name" ? sign * (first - second) : first - second;
    });
    return { found, jaccard, predicted };
  }

  function tile(place, jaccard, predicted) {
    const name = study.pictures.image[place];
    const correct = isCorrect(place, model());
    const words = correct === null ? "" : correct ? "right" : "wrong";
    const shown = jaccard[place] === null || jaccard[place] === undefined ? "–" : jaccard[place].toFixed(3);
    const thumbnail = element("img", { alt: "", loading: "lazy", decoding: "async" });
    address(`${study.pictures.file[place]}_small`).then((source) => thumbnail.setAttribute("src", source));
    const open = (event) => {
      event.preventDefault();
      change({ image: name, zoom: "1", x: "0.5", y: "0.5" }, true);
    };
    return element(
      "li",
      {},
      element(
        "a",
        { href: `#image=${encodeURIComponent(name)}`, click: open, "data-image": name },
        element("span", { class: "thumbnail" }, thumbnail),
        element("span", { class: "tile-name" }, name),
        element(
          "span",
          { class: `tile-classes ${words}` },
          correct === null
            ? study.pictures.diagnosis[place]
            : `${study.pictures.diagnosis[place]}, taken for ${predicted[place]}: ${words}`
        ),
        element("span", { class: "tile-jaccard" }, `J ${shown}`),
        ...(window.dermalign.hasFeedback(name) ? [element("span", { class: "tile-feedback" }, "your feedback")] : [])
      )
    );
  }

  /** Show the page of the gallery that the address tells. */
  async function showGallery() {
    asked += 1;
    const mine = asked;
    const { found, jaccard, predicted } = await choose();
    if (mine !== asked) return; // something else was asked for meanwhile
    list = found;
    const form = byId("filters");
    for (const name of Object.keys(FILTERS)) if (form.elements[name]) form.elements[name].value = state[name];
    const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
    const page = Math.min(pages, Math.max(1, Math.round(Number(state.page)) || 1));
    const part = found.slice((page - 1) * PER_PAGE, page * PER_PAGE);
    byId("tiles").replaceChildren(...part.map((place) => tile(place, jaccard, predicted)));
    const total = study.pictures.image.length;
    const words = `${found.length.toLocaleString("en")} of ${total.toLocaleString("en")} ${total === 1 ? "picture" : "pictures"}`;
    byId("count").textContent = words;
    say(words);
    byId("none-left").hidden = found.length > 0;
    byId("none-left-words").textContent = total
      ? "No picture is left by these filters."
      : "No picture is in the analysis of this study: see manifest/evaluation.csv for why.";
    byId("pages").hidden = pages === 1;
    byId("page-number").textContent = `page ${page} of ${pages}`;
    byId("page-before").disabled = page === 1;
    byId("page-after").disabled = page === pages;
  }

  /** Return the name of the picture so many places after one in the gallery's order, null at its ends. */
  async function neighbour(image, steps) {
    if (!list.length) list = (await choose()).found;
    const names = study.pictures.image;
    const place = list.findIndex((each) => names[each] === image);
    const next = place < 0 ? list[0] : list[place + steps];
    return next === undefined ? null : names[next];
  }

  /** Return where a picture stands in the gallery's order, from 1, and of how many. */
  function position(image) {
    return [list.findIndex((each) => study.pictures.image[each] === image) + 1, list.length];
  }

  Object.assign(window.dermalign, { beginGallery: begin, showGallery, neighbour, position, address, isCorrect });
})();
