// Tables that are sorted by a click on a head, and folded tables that are printed whole. A page without it is complete.
(function () {
  "use strict";

  // A number as tables have it, before its SD, share or interval: 0.067 (0.078), < 0.001, 1,409, 61.2%, 18 of 53.
  var NUMBER = /^[<>]?\s*(-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)(?=$|[\s%])/i;
  var UNDEFINED = "-";
  var NEXT = { none: "ascending", ascending: "descending", descending: "none" };

  function cellText(row, column) {
    return row.cells[column].textContent.trim();
  }

  function isDefined(text) {
    return text !== "" && text !== UNDEFINED;
  }

  function numberOf(text) {
    return Number(NUMBER.exec(text)[1].replace(/,/g, ""));
  }

  // How two defined texts of a column are compared: as numbers where all of them begin with one.
  function comparison(texts) {
    if (texts.filter(isDefined).every(function (text) { return NUMBER.test(text); })) {
      return function (first, second) { return numberOf(first) - numberOf(second); };
    }
    return function (first, second) { return first.localeCompare(second, "en", { numeric: true }); };
  }

  function sorted(rows, column, order) {
    if (order === "none") { return rows; }
    var texts = rows.map(function (row) { return cellText(row, column); });
    var compare = comparison(texts);
    var sign = order === "ascending" ? 1 : -1;
    return rows.map(function (row, place) { return place; }).sort(function (one, other) {
      var defined = isDefined(texts[one]), otherDefined = isDefined(texts[other]);
      if (!defined || !otherDefined) { return otherDefined - defined || one - other; }  // undefined values are last
      return sign * compare(texts[one], texts[other]) || one - other;
    }).map(function (place) { return rows[place]; });
  }

  function makeSortable(table) {
    var body = table.tBodies[0], rows = Array.from(body.rows);
    if (rows.length < 2) { return; }
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.title = "Sort by this column";
      button.append.apply(button, Array.from(head.childNodes));
      head.append(button);
      button.addEventListener("click", function () {
        var order = NEXT[head.getAttribute("aria-sort") || "none"];
        heads.forEach(function (each) { each.removeAttribute("aria-sort"); });
        if (order !== "none") { head.setAttribute("aria-sort", order); }
        body.append.apply(body, sorted(rows, column, order));
      });
    });
  }

  Array.from(document.querySelectorAll(".box table")).forEach(makeSortable);

  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (each) { each.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (each) { each.open = false; });
  });

  // A link to a folded table opens it.
  function openTarget() {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") { target.open = true; }
  }
  window.addEventListener("hashchange", openTarget);
  openTarget();
}());
