"""Draw a figure that shows pictures: that which the rule names among its params."""

from pathlib import Path

from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.overlap.shards import read_shards
from dermalign.results.example import read_example
from dermalign.results.picture_figures import (
    extremes_figure,
    extremes_of,
    maps_figure,
    masks_figure,
    no_picture_figure,
    thresholds_figure,
)
from dermalign.results.plotting import save
from dermalign.results.shown_pictures import open_pictures
from dermalign.results.statistics import best_threshold
from dermalign.saliency.stores import read_store
from dermalign.terms import UNION

SIDES = {"masks": 480, "maps": 480, "thresholds": 300, "extremes": 225}  # pixels, of what is printed 1 to 2 inches wide


def store_of(maps, image):
    """Read a picture's store, beside the file that its source's maps are gathered in."""
    maps = Path(maps)
    return read_store(maps.parents[2] / "saliency" / maps.parent.name / maps.stem / f"{image}.h5")


def draw(function, model):
    evaluation = read_evaluation(snakemake.input.evaluation)
    shards = {}
    for path in map(Path, snakemake.input.get("shards", [])):
        shards.setdefault(path.parent.name, {})[path.stem] = path
    shards = {feature: read_shards(of_feature) for feature, of_feature in shards.items()}
    best = {feature: best_threshold(each.thresholds, each.jaccard) for feature, each in shards.items()}
    archives = dict(snakemake.input.items())
    names = {name: archives[name] for name in ("pictures", "masks")}
    lesions = next(iter(archives.get("lesion_masks", [])), None)
    with open_pictures(**names, lesion_masks=lesions, **snakemake.params.reading) as reader:
        if function == "extremes":
            extremes = [
                extreme for feature in shards for extreme in extremes_of(feature, shards[feature], best[feature])
            ]
            shown = {each.image: reader.read(evaluation, each.image, SIDES[function]) for each in extremes}
            stores = {each.image: store_of(snakemake.input.maps[0], each.image) for each in extremes}
            return extremes_figure(model, [(each, shown[each.image], stores[each.image]) for each in extremes])
        image = read_example(snakemake.input.example)
        if not image:
            return no_picture_figure()
        shown = reader.read(evaluation, image, SIDES[function])
    if function == "masks":
        return masks_figure(shown)
    if function == "maps":
        return maps_figure(shown, {Path(maps).parent.name: store_of(maps, image) for maps in snakemake.input.maps})
    union = shards[UNION]
    of_example = union.jaccard[:, union.images.index(image)].tolist()
    jaccard = dict(zip(union.thresholds, of_example, strict=True))
    return thresholds_figure(shown, store_of(snakemake.input.maps[0], image), jaccard, best[UNION])


with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    named, _ = snakemake.params.lesions or (None, None)
    if named and not snakemake.input.lesion_masks:
        # It only adds to what is shown, but its name may be a mistake.
        log.warning("figure 1 is drawn without the lesion: there is no %s (archives.lesion_masks)", named)
        print(f"figure 1 is drawn without the lesion: there is no {named} (archives.lesion_masks)\n", end="")
    save(draw(snakemake.params.function, snakemake.params.model), snakemake.output)
