"""The study as the rules see it: which pictures, in which batches, and what each stage depends on.

Everything here is known before any job runs: names come from the archives' directories (or, for drawn archives that
are not there yet, from the plan of the drawing), so that the whole workflow can be listed on a clean clone.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..classifiers.brought.files import adopted_name, digest_of, files_of
from ..classifiers.imagenet import weights_name
from ..data import archives
from ..data.labels import plain_name, read_diagnoses, read_lesions
from ..errors import InputError
from ..terms import UNION
from .groups import Groups, default_groups
from .probing import probed

CACHE = ".snakemake/dermalign"
LIBRARY = Path(__file__).resolve().parents[1]
ARCHIVE_KEYS = (
    "training_pictures",
    "training_labels",
    "training_metadata",
    "evaluation_pictures",
    "evaluation_masks",
)
# Of these, those that may be a folder in the place of a zip.
FOLDER_KEYS = ("training_pictures", "evaluation_pictures", "evaluation_masks")


@dataclass(frozen=True)
class Study:
    """A checked configuration (see `configuration.checked`) and what follows from it and the archives."""

    configuration: Mapping[str, Any]

    @property
    def results(self) -> str:
        """The folder of all results."""
        return f"results/{self.configuration['study']}"

    @property
    def features(self) -> list[str]:
        """The configured features and `union`."""
        return [*self.configuration["features"], UNION]

    @property
    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The models' settings by name."""
        return self.configuration["models"]

    @property
    def groups(self) -> Groups:
        """The groups of tables 4 to 6, {name: filter}: those configured, else diagnosis and correctness."""
        return self.configuration.get("groups") or default_groups(self.configuration["evaluation_diagnoses"])

    @property
    def brought(self) -> list[str]:
        """The models that are brought along; the others are trained."""
        return [model for model, settings in self.models.items() if "classifier" in settings]

    @property
    def trained(self) -> list[str]:
        """The models that are trained here."""
        return [model for model in self.models if model not in self.brought]

    def classes(self, model: str) -> list[str]:
        """Return the names of a model's outputs, in their order: the study's, unless a brought one names its own."""
        return list(self.models[model].get("classes", self.configuration["classes"]))

    def classifier(self, model: str) -> str:
        """Return the path of a model's classifier in the study."""
        name = adopted_name(self.models[model]["classifier"]) if model in self.brought else "model.keras"
        return f"{self.results}/classifiers/{model}/{name}"

    def classifier_files(self, model: str) -> list[str]:
        """Return the files of a brought classifier."""
        return files_of(self.models[model]["classifier"])

    def classifier_digest(self, model: str) -> str:
        """Return a digest of a brought classifier's content."""
        return digest_of(self.models[model]["classifier"], CACHE)

    def adoption(self, model: str) -> dict[str, Any]:
        """Return what `adoption.adopt` needs to know of a brought classifier."""
        return {**self.models[model], "classes": self.classes(model)}

    @cached_property
    def _probed(self) -> dict[str, dict[str, Any]]:
        asked: dict[str, Mapping[str, Any]] = {}
        for model, settings in self.models.items():
            if model in self.brought:
                try:
                    digest = self.classifier_digest(model)
                except InputError as error:
                    raise InputError(f"models.{model}.classifier: {error}") from error
                asked[model] = {**self.adoption(model), "digest": digest, "library": library_digest("adoption")}
                continue
            weights = settings["weights"]
            if weights not in ("none", "imagenet") and not Path(weights).is_file():
                raise InputError(
                    f"models.{model}.weights: there is no file {weights}. Correct the path, or say `imagenet` or "
                    "`none`."
                )
            asked[model] = settings
        return probed(asked, CACHE)

    @cached_property
    def grids(self) -> dict[str, tuple[int, int]]:
        """The (h, w) of each model's saliency maps. Raises InputError where a layer is lacking."""
        return {model: (answer["grid"][0], answer["grid"][1]) for model, answer in self._probed.items()}

    def input_size(self, model: str) -> int:
        """Return the side of the pictures that a model takes, configured or found in a brought classifier's file."""
        settings = self.models[model]
        return int(self._probed[model]["input_size"] if model in self.brought else settings["input_size"])

    def saliency_settings(self, model: str) -> dict[str, Any]:
        """Return `input_size`, `saliency_layer`; of a brought classifier also `path`, `logits` in the adopted one."""
        keys = ("input_size", "saliency_layer")
        if model not in self.brought:
            return {key: self.models[model][key] for key in keys}
        found = self._probed[model]
        return {key: found[key] for key in (*keys, "path", "logits")}

    @property
    def all_grids(self) -> list[tuple[int, int]]:
        """Every grid on which some source has maps: the models' own and those of superpixels."""
        variants = self.configuration["variants"].values()
        of_superpixels = {v["cells"] for v in variants if v["kind"] == "superpixels"}
        return sorted({*self.grids.values(), *((cells, cells) for cells in of_superpixels)})

    def archive(self, key: str) -> str | None:
        """Return the path of an archive or table named under `archives`, None where it is not named."""
        name = self.configuration["archives"].get(key)
        return self._in_folder(name) if name else None

    @property
    def diagnosis_tables(self) -> list[str]:
        """The paths of the diagnosis tables, the first one's word before the later ones'."""
        return [self._in_folder(name) for name in self.configuration["archives"]["diagnoses"]]

    @property
    def files(self) -> dict[str, str]:
        """Every archive and table by the key that names it."""
        named = {f"archives.{key}": path for key in ARCHIVE_KEYS if (path := self.archive(key))}
        tables = {f"archives.diagnoses[{row}]": path for row, path in enumerate(self.diagnosis_tables)}
        return {**named, **tables}

    @property
    def is_drawn(self) -> bool:
        """Whether the project draws the archives itself."""
        return "drawn" in self.configuration["archives"]

    @property
    def drawn(self) -> str:
        """The file that tells what the drawn archives were drawn from."""
        return self._in_folder("drawn.json")

    @property
    def drawing(self) -> dict[str, Any]:
        """What the archives are drawn from: numbers of pictures, seed and the drawing's code."""
        counts = self.configuration["archives"]["drawn"]
        return {**counts, "seed": self.configuration["seed"], "library": library_digest("drawing")}

    @cached_property
    def _is_to_be_drawn(self) -> bool:
        """Whether the archives are drawn in this run, so that their names are not yet those on the disk."""
        if not self.is_drawn:
            return False
        stamp = Path(self.drawn)
        is_current = stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == self.drawing
        return not is_current or not all(Path(path).is_file() for path in self.files.values())

    @property
    def has_training_pictures(self) -> bool:
        """Whether the study has pictures to train on and to hold out; one of brought classifiers may have none."""
        return self.archive("training_pictures") is not None

    @property
    def sources(self) -> dict[str, dict[str, Any]]:
        """{path: {url, sha256}} of the archives that can be fetched."""
        sources = self.configuration["archives"].get("sources", {})
        return {self._in_folder(name): source for name, source in sources.items()}

    def training_settings(self, model: str) -> dict[str, Any]:
        """Return a model's settings without what no training depends on, so that a change of it trains nothing anew."""
        untold = ("published", "saliency_layer")
        return {key: value for key, value in self.models[model].items() if key not in untold}

    def weights_files(self, model: str) -> list[str]:
        """Return the file with the weights that a model's training starts from; none where it starts at random."""
        settings = self.models[model]
        weights = settings["weights"]
        if weights != "imagenet":
            return [] if weights == "none" else [weights]
        name = weights_name(settings["architecture"], settings["input_size"])
        return [str(Path(self.configuration["weights_folder"]) / name)]

    @property
    def imagenet_weights(self) -> dict[str, dict[str, Any]]:
        """{path: {architecture, input_size}} of the ImageNet weights that the models start from."""
        return {
            self.weights_files(model)[0]: {key: settings[key] for key in ("architecture", "input_size")}
            for model, settings in self.models.items()
            if settings.get("weights") == "imagenet"
        }

    def missing_files(self) -> str | None:
        """Return what to say about archives that are not there, None if all are (or will be drawn)."""
        if self.is_drawn:
            return None
        lines = []
        for key, path in self.files.items():
            may_be_folder = key.removeprefix("archives.") in FOLDER_KEYS
            if not (Path(path).exists() if may_be_folder else Path(path).is_file()):
                hint = "`snakemake fetch` gets it" if path in self.sources else "correct the key or archives.folder"
                kind = "file or folder" if may_be_folder else "file"
                lines.append(f"- `{key}`: there is no {kind} {path}: {hint}.")
        return "archives are missing:\n" + "\n".join(lines) if lines else None

    def _in_folder(self, name: str) -> str:
        return str(Path(self.configuration["archives"]["folder"]) / name)

    @cached_property
    def _drawn(self) -> list[Any]:
        from ..drawing import plan  # imports SciPy: only where archives are drawn and not there yet

        return plan(**{name: value for name, value in self.drawing.items() if name != "library"})

    @cached_property
    def archived_images(self) -> list[str]:
        """All evaluation pictures, by name: those of the evaluation archive, or of it those with a mask.

        Raises InputError where no picture has a mask of a configured feature.
        """
        if self._is_to_be_drawn:
            return sorted(picture.image for picture in self._drawn if picture.evaluation)
        images = list(archives.list_pictures(str(self.archive("evaluation_pictures"))))
        if self.mask_options["missing"] == "error":
            return images
        masks = self.masks(str(self.archive("evaluation_masks")), images)
        for feature in self.configuration["features"]:
            if not any(of_image[feature] for of_image in masks.values()):
                raise InputError(
                    f"features: no picture of {self.archive('evaluation_pictures')} has a mask of {feature} in "
                    f"{self.archive('evaluation_masks')}, where archives.mask_pattern says. Correct the name, the "
                    "pattern or the archives."
                )
        return list(masks)

    @property
    def mask_options(self) -> dict[str, str]:
        """How masks are found, and what a missing one means: `pattern` and `missing` of `archives.list_masks`."""
        settings = self.configuration["archives"]
        return {"pattern": settings["mask_pattern"], "missing": settings["missing_masks"]}

    def masks(self, archive: str, images: Sequence[str]) -> dict[str, dict[str, archives.Member | None]]:
        """Return the masks of the images in an archive, as `archives.list_masks`."""
        return archives.list_masks(archive, images, self.configuration["features"], **self.mask_options)

    def evaluated_among_training(self) -> list[str]:
        """Return the evaluation pictures that the training archive or its metadata table knows.

        Others cannot be in the training split, nor can their lesions: it does not depend on them. A trial's limit does
        not count.
        """
        if self._is_to_be_drawn:
            return sorted(picture.image for picture in self._drawn if picture.evaluation and picture.training_name)
        known = {plain_name(image) for image in archives.list_pictures(str(self.archive("training_pictures")))}
        if table := self.archive("training_metadata"):
            known.update(plain_name(image) for image in read_lesions(table))
        return [image for image in self.archived_images if plain_name(image) in known]

    @cached_property
    def evaluation_images(self) -> list[str]:
        """The pictures with masks, whatever their diagnosis, by name.

        `evaluation_limit` keeps those whose names hash lowest: a sample that does not depend on the order.
        Raises as `archived_images`, and InputError where a mask of a configured feature is missing, and for a name
        that Snakemake would take for a pattern.
        """
        images = self.archived_images
        limit = self.configuration.get("evaluation_limit", len(images))
        images = sorted(sorted(images, key=_hash)[:limit])
        for image in images:
            if "{" in image or "}" in image:
                raise InputError(f"{self.archive('evaluation_pictures')}: {image} has braces in its name. Rename it.")
        if not self._is_to_be_drawn:
            self.masks(str(self.archive("evaluation_masks")), images)
        return images

    @cached_property
    def diagnosed_images(self) -> list[str]:
        """The evaluation pictures with an evaluation diagnosis: the ones that get saliency maps."""
        if self._is_to_be_drawn:
            diagnoses = {picture.image: picture.diagnosis for picture in self._drawn}
        else:
            diagnoses = read_diagnoses(self.diagnosis_tables, self.configuration["classes"]).by_image
        wanted = self.configuration["evaluation_diagnoses"]
        images = [image for image in self.evaluation_images if diagnoses.get(plain_name(image)) in wanted]
        if not images:
            raise InputError(
                f"no evaluation picture has a diagnosis among {', '.join(wanted)} in "
                f"{', '.join(self.diagnosis_tables)}. Correct archives.diagnoses or evaluation_diagnoses."
            )
        return images

    @cached_property
    def mask_batches(self) -> dict[str, list[str]]:
        """{batch: images} of all pictures with masks."""
        return batches(self.evaluation_images, self.configuration["batches"]["masks"])

    @cached_property
    def saliency_batches(self) -> dict[str, list[str]]:
        """{batch: images} of the pictures that get saliency maps."""
        return batches(self.diagnosed_images, self.configuration["batches"]["saliency"])

    # What a stage depends on of files, for its rule's params. Of drawn archives that is what they are drawn from, and
    # of Keras's ImageNet weights their name: both are known before the files are there. What params were when the run
    # was planned is what a run on a cluster records, and what the next one compares.

    def pictures_digest(self, key: str, images: Iterable[str] | None = None) -> str:
        """Return a digest of the names and contents of an archive's pictures, or of some of them.

        key: `training_pictures` or `evaluation_pictures`. Raises FileNotFoundError where the archive is not there.
        """
        if self.is_drawn:
            return self._drawing_digest
        members = archives.list_pictures(str(self.archive(key)))
        return archives.fingerprint(members if images is None else {image: members[image] for image in images})

    def masks_digest(self, images: Sequence[str]) -> str:
        """Return a digest of the names and contents of the images' masks, as `pictures_digest`."""
        if self.is_drawn:
            return self._drawing_digest
        masks = self.masks(str(self.archive("evaluation_masks")), images)
        flat = {f"{image}/{feature}": member for image, of in masks.items() for feature, member in of.items() if member}
        return archives.fingerprint(flat)

    def table_digests(self, paths: Iterable[str]) -> list[str]:
        """Return digests of the contents of tables named under `archives`, as `pictures_digest`."""
        return [self._drawing_digest if self.is_drawn else content_digest(path) for path in paths]

    def weights_digest(self, model: str) -> list[str]:
        """Return what tells the weights that a model's training starts from; empty where it starts at random."""
        if self.models[model]["weights"] == "imagenet":
            return [Path(path).name for path in self.weights_files(model)]
        return [content_digest(path) for path in self.weights_files(model)]

    @cached_property
    def _drawing_digest(self) -> str:
        return hashlib.sha256(json.dumps(self.drawing, sort_keys=True).encode()).hexdigest()[:16]


def batches(images: Iterable[str], count: int) -> dict[str, list[str]]:
    """Deal images into `count` batches by a hash of their names: a new picture touches its own batch only.

    Batches that no picture falls into are left out. Images keep their order within a batch.
    """
    result: dict[str, list[str]] = {}
    for image in images:
        result.setdefault(f"{_hash(image) % count:05d}", []).append(image)
    return dict(sorted(result.items()))


def _hash(image: str) -> int:
    return int.from_bytes(hashlib.sha256(image.encode()).digest()[:8])


def shard_blocks(path: str | Path, thresholds: Sequence[str]) -> list[list[str]]:
    """Return the thresholds in blocks: each is computed by one job per map source.

    path: JSON file with the blocks of earlier runs, or no file. A threshold that they know stays in its block, those
    that are new make one more: so a changed grid runs the new shards alone, and 101 thresholds take as many jobs
    as 11. A block none of whose thresholds are configured any more is an empty list, which keeps the numbering.
    """
    known: list[list[str]] = json.loads(Path(path).read_text(encoding="utf-8")) if Path(path).is_file() else []
    blocks = [[name for name in block if name in thresholds] for block in known]
    new = [name for name in thresholds if not any(name in block for block in known)]
    return [*blocks, new] if new else blocks


def remember_blocks(path: str | Path, blocks: Sequence[Sequence[str]]) -> None:
    """Write down the blocks of `shard_blocks`; a threshold that is not configured at present keeps its block."""
    from ..files import write_text

    known: list[list[str]] = json.loads(Path(path).read_text(encoding="utf-8")) if Path(path).is_file() else []
    padded = [*known, *([] for _ in range(len(blocks) - len(known)))]
    merged = [sorted({*old, *new}) for old, new in zip(padded, blocks, strict=True)]
    if merged != known:
        write_text(path, json.dumps(merged, indent=1) + "\n")


def content_digest(path: str | Path) -> str:
    """Return a short digest of a small file's bytes. Raises FileNotFoundError."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


@lru_cache
def library_digest(*modules: str) -> str:
    """Return a digest of the code of modules of this library and of those that they import from it.

    Snakemake watches a script but not what it imports; rules have this among their params instead. Comments,
    docstrings and layout do not count, so that only a change of code reruns a stage.
    """
    digest = hashlib.sha256()
    for name in sorted(_imported(modules)):
        digest.update(ast.dump(_without_docstrings(_parsed(name))).encode())
    return digest.hexdigest()[:16]


def _imported(modules: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        # What only words messages and writes files is left out: it changes no number.
        if name in found or name in ("errors", "files", "logs") or not (LIBRARY / f"{name}.py").is_file():
            continue
        found.add(name)
        for node in ast.walk(_parsed(name)):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                waiting.extend([node.module] if node.module else [alias.name for alias in node.names])
    return found


@lru_cache
def _parsed(module: str) -> ast.Module:
    return ast.parse((LIBRARY / f"{module}.py").read_text(encoding="utf-8"))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [
                statement
                for statement in node.body
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
            ]
    return tree
