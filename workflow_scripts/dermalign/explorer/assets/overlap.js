// The Jaccard index from cells: whole numbers alone, so that it is the number of the study's shards.
(function () {
  "use strict";
  const { unpack } = window.dermalign;
  const COLUMNS = 1001; // thresholds 0.000 to 1.000

  /**
   * Return what a map covers at every threshold, in pixels of the whole picture.
   * Column j is what holds at the threshold j / 1000: a cell is white where at least j thresholds are below its value.
   * @param {Uint32Array} levels of each cell, how many thresholds are below its value
   * @param {Uint32Array | null} cells of each cell, the white pixels of the mask; null where it is black
   * @param {number[]} heights pixels of each row of cells
   * @param {number[]} widths pixels of each column of cells
   */
  function curves(levels, cells, heights, widths) {
    const area = new Float64Array(COLUMNS);
    const intersection = new Float64Array(COLUMNS);
    let place = 0;
    for (const height of heights) {
      for (const width of widths) {
        area[levels[place]] += height * width;
        if (cells) intersection[levels[place]] += cells[place];
        place += 1;
      }
    }
    for (let column = COLUMNS - 2; column >= 0; column -= 1) {
      area[column] += area[column + 1];
      intersection[column] += intersection[column + 1];
    }
    return { area, intersection, mask: intersection[0] };
  }

  /**
   * Return the same of regions that were drawn: they are white below the threshold 1, as they are, not by cells.
   * @param {number} white pixels inside @param {number} common of them those white in the mask @param {number} mask
   */
  function curvesOfRegions(white, common, mask, pixels) {
    const area = new Float64Array(COLUMNS).fill(white);
    const intersection = new Float64Array(COLUMNS).fill(common);
    [area[0], intersection[0]] = [pixels, mask];
    [area[COLUMNS - 1], intersection[COLUMNS - 1]] = [0, 0];
    return { area, intersection, mask };
  }

  /** Return intersection, union and Jaccard index at a threshold in thousandths; J is null where the mask is black. */
  function overlapAt(curve, threshold) {
    const intersection = curve.intersection[threshold];
    const union = curve.area[threshold] + curve.mask - intersection;
    return { intersection, union, jaccard: curve.mask ? intersection / union : null };
  }

  /** Return the map's levels that a feature is compared with; of a union that has none, the highest of all features. */
  async function levelsOf(map, feature) {
    if (typeof map.levels === "string") return unpack(map.levels, 2);
    if (map.levels[feature]) return unpack(map.levels[feature], 2);
    const all = await Promise.all(Object.values(map.levels).map((packed) => unpack(packed, 2)));
    return all.reduce((highest, levels) => highest.map((level, place) => Math.max(level, levels[place])));
  }

  /**
   * Return a source's map of a picture and how it overlaps with a feature's mask, null where it has none.
   * @param {any} picture the picture's data
   */
  async function overlap(picture, source, feature) {
    const map = picture.maps[source];
    if (!map) return null;
    const grid = picture.grids[map.grid];
    const packed = grid.cells[feature];
    const [levels, cells] = await Promise.all([levelsOf(map, feature), packed ? unpack(packed, 4) : null]);
    const shape = [grid.heights.length, grid.widths.length];
    const curve = map.drawn
      ? curvesOfRegions(...map.drawn[feature], picture.white[feature] || 0, picture.width * picture.height)
      : curves(levels, cells, grid.heights, grid.widths);
    return { map, levels, shape, curve };
  }

  Object.assign(window.dermalign, { curves, overlapAt, overlap });
})();
