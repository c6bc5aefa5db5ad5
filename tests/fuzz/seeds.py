"""Valid files of each kind that is read, small, as bytes: what is changed to find out what readers do with the rest."""

import base64
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import yaml
from dermalign.hdf5 import SEAL, SEAL_BYTES
from dermalign.overlap.curves import write_curve_file
from dermalign.overlap.engine import Curves
from dermalign.overlap.shards import shard_text
from feedback_cases import box, content, picture, png, write_json, write_zip
from map_cases import gathered, store_with
from PIL import Image
from study_cases import FEATURES, IMAGES, small_study
from zip_cases import zip_of_macos

REPOSITORY = Path(__file__).resolve().parents[2]
SIZE = (8, 6)  # of the pictures of the study that feedback is on


def written(write: Callable[[Path], object], name: str) -> bytes:
    """Return what a function writes to the path that it is given, without a seal, which would refuse each change."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        content = path.read_bytes()
        return bytes(SEAL_BYTES) + content[SEAL_BYTES:] if content.startswith(SEAL) else content


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    """Return a picture as a file."""
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def zip_of(members: Mapping[str, bytes]) -> bytes:
    """Return a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _drawn() -> Image.Image:
    pixels = np.random.default_rng(5).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _mask() -> Image.Image:
    pixels = np.zeros((6, 8), dtype=np.uint8)
    pixels[2:4, 3:7] = 255
    return Image.fromarray(pixels)


def pictures() -> list[bytes]:
    """Return photographs in every format that is read, one of them turned by its EXIF."""
    drawn = _drawn()
    turned = drawn.getexif()
    turned[274] = 6
    return [
        encoded(drawn, "JPEG", exif=turned),
        encoded(drawn, "PNG", exif=turned),
        encoded(drawn.convert("P"), "PNG"),
        encoded(drawn.convert("RGBA"), "PNG"),
        encoded(drawn, "BMP"),
        encoded(drawn, "TIFF", compression="tiff_lzw"),
        encoded(drawn, "TIFF", exif=turned),
        encoded(drawn, "WEBP", lossless=True),
        encoded(drawn.convert("CMYK"), "JPEG"),
    ]


def masks() -> list[bytes]:
    """Return a mask in every form that is read."""
    mask = _mask()
    palette = mask.point(lambda level: 1 if level else 0).convert("P")
    palette.putpalette([0, 0, 0, 200, 30, 30])
    clear = Image.merge("RGBA", (mask, mask, mask, mask))
    return [
        encoded(mask, "PNG"),
        encoded(mask.convert("1"), "PNG"),
        encoded(mask.point(lambda level: level // 255), "PNG"),
        encoded(palette, "PNG"),
        encoded(palette, "PNG", transparency=0),
        encoded(clear, "PNG"),
        encoded(mask.convert("LA"), "PNG"),
        encoded(mask.convert("RGB"), "BMP"),
        encoded(mask, "TIFF"),
        encoded(Image.new("L", (8, 6)), "PNG"),
    ]


def archives() -> list[bytes]:
    """Return zips of pictures and masks, packed in every way that is read, one as macOS writes them."""
    members = {
        "Input/LICENSE.txt": b"text",
        "Input/a.jpg": pictures()[0],
        "Input/\N{LATIN SMALL LETTER U WITH DIAERESIS}.png": pictures()[1],
        "masks/a_attribute_globules.png": masks()[0],
    }

    def packed(method: int) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            with zipfile.ZipFile(path, "w", method) as archive:
                for name, data in members.items():
                    archive.writestr(name, data)
                archive.comment = b"a comment"
                with archive.open("large.png", "w", force_zip64=True) as stream:
                    stream.write(masks()[1])

        return write

    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    return [
        *(written(packed(method), "a.zip") for method in methods),
        written(lambda path: zip_of_macos(path, members), "a.zip"),
    ]


TABLES = (
    "image,MEL,NV\na,1.0,0.0\nb,0.0,1.0\n",
    "image,diagnosis\na,melanoma\nb,nevus\n",
    "isic_id;diagnosis_1;diagnosis_2;age_approx\na;Malignant;Melanoma in situ;45\nb;Benign;Nevus;\n",
    "image_id,melanoma,seborrheic_keratosis\na,1,0\nb,0,0\n",
    "a,benign\nb,malignant\n",
    "|| Name || Clinical Diagnosis || Histological Diagnosis ||\n|| a || 2 || ||\n|| b || 0 || nevus ||\n\nLegend\n",
    'sep=;\nA title\n\nimage;lesion_id;sex\n"a.jpg";IL_1;male\nb_downsampled;HAM_nan;n/a\n',
    "image\tlabel\r\nfolder\\a.jpg\tMEL\r\nb\tNV\r\n",
    "lesion_id,MEL,NV\n1,1,0\n0,0,1\n",
    "isic_id,lesion_id,age_approx,sex,diagnosis\na,IL_1,45,male,nevus\nb,IL_2,,unknown,melanoma\n",
)


def tables() -> list[bytes]:
    """Return tables of diagnoses and metadata in every form that is told apart, in several encodings."""
    return [
        *(text.encode() for text in TABLES),
        TABLES[1].encode("utf-16"),
        TABLES[1].encode("utf-16-le"),
        TABLES[1].encode("utf-8-sig"),
        TABLES[1].replace("nevus", "nævus").encode("latin-1"),
    ]


def diagnoses() -> list[bytes]:
    """Return diagnoses in words, from fine to coarse."""
    paths = "Malignant::Malignant melanocytic proliferations (Melanoma)::Melanoma Invasive, Nodular"
    return [b"melanoma in situ\nMalignant", paths.encode(), "Nævus (NOS), Spitz\nbowen's disease?".encode()]


def trees() -> list[Any]:
    """Return configurations: that of the embedded study with each overlay, and a small one."""
    base = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    overlays = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((REPOSITORY / "studies").glob("*.yaml"))]
    small = json.loads(json.dumps(small_study(Path("data")).configuration))
    return [small, base, *({**base, **overlay} for overlay in overlays)]


def configurations() -> list[bytes]:
    """Return configurations as YAML."""
    return [yaml.safe_dump(tree, sort_keys=False).encode() for tree in trees()]


def published() -> list[bytes]:
    """Return the first lines of the paper's values, and some with odd but sound numbers."""
    lines = (REPOSITORY / "studies" / "nunnari2021_published.csv").read_bytes().splitlines(keepends=True)
    return [b"".join(lines[:12]), lines[0] + b'section 2,best,j,,0.307\n"table 2","a, b",j_sd,X,1e-3\n']


def stores() -> list[bytes]:
    """Return saliency stores: of one map, of maps by feature, and with negative parts."""
    one = np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)
    two = np.stack([one, one])
    return [
        written(lambda path: store_with(path, one), "a.h5"),
        written(lambda path: store_with(path, two, features=FEATURES), "a.h5"),
        written(lambda path: store_with(path, one, signed=-one), "a.h5"),
    ]


def maps() -> list[bytes]:
    """Return files of maps."""
    raw = np.random.default_rng(2).random((3, 2, 3)).astype(np.float32)
    return [written(lambda path: gathered(path.parent, raw).replace(path), "a.h5")]


def curves() -> list[bytes]:
    """Return curve files, of coarse and of fine maps, with the words of what they were made of."""
    counts = np.array([[0, 2, 5], [0, 1, 4]], dtype=np.int64)
    levels = np.array([[0.9, 0.2], [0.6, 0.6]], dtype=np.float32)
    fine = np.repeat(counts[:, ::-1], 400, axis=1)[:, :1001]

    def write(path: Path, of: Curves, key: str) -> None:
        with write_curve_file(path) as writer:
            writer.append(["a", "b"], {key: of})

    coarse = Curves(area=counts + 1, intersection={"globules": counts}, levels=levels)
    binned = Curves(area=fine + 1, intersection={"globules": fine}, levels=None)
    return [
        written(lambda path: write(path, coarse, "all"), "a.h5"),
        written(lambda path: write(path, coarse, "globules"), "a.h5"),
        written(lambda path: write(path, binned, "all"), "a.h5"),
    ]


def shards() -> list[bytes]:
    """Return Jaccard shards, one of them with names that look like something else and a picture's draws."""
    return [
        shard_text(["a", "b"], np.array([0, 3]), np.array([7, 9])).encode(),
        shard_text(["NA", "NA", "1e5", 'c,"d'], np.array([1, 2, 3, 0]), np.array([5, 6, 3, 1])).encode(),
    ]


def feedback_tree() -> dict[str, Any]:
    """Return feedback on two pictures of the small study, as its JSON says it."""
    marked = picture(
        SIZE,
        [("streaks", box(1, 1, 5, 4))],
        labels={"plain": {"predicted": "NV", "right": False, "class": "MEL"}},
        ratings={"plain/gradcam": 4},
        note="a note",
    )
    return content("small", FEATURES, {IMAGES[0]: marked, IMAGES[1]: picture(SIZE, finished=False)})


def feedback_zips() -> list[bytes]:
    """Return feedback as the explorer exports it."""
    return [written(lambda path: write_zip(path, feedback_tree()), "a.zip")]


def feedback_json() -> list[bytes]:
    """Return feedback that is one JSON file."""
    empty = base64.b64encode(png(np.zeros((6, 8), dtype=np.bool_))).decode()
    alone = {**feedback_tree(), "masks": {f"{IMAGES[0]}_attribute_globules.png": empty}}
    return [written(lambda path: write_json(path, feedback_tree()), "a.json"), json.dumps(alone).encode()]


def network_trees() -> list[Any]:
    """Return configurations of networks as Keras 3 and Keras 2 write them."""
    layers = [
        {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 8, 8, 3], "name": "i"}},
        {
            "module": "keras.layers",
            "class_name": "Conv2D",
            "config": {"name": "c", "filters": 2, "kernel_size": [3, 3], "activation": "relu"},
            "registered_name": None,
            "build_config": {"input_shape": [None, 8, 8, 3]},
        },
    ]
    new = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    old_layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 8, 8, 3], "name": "i"}},
        {"class_name": "BatchNormalization", "config": {"name": "b", "axis": [3], "dtype": "float32"}},
        {"class_name": "Lambda", "config": {"name": "l", "function": ["code", None, None]}},
    ]
    ends = {"input_layers": [["i", 0, 0]], "output_layers": [["b", 0, 0]]}
    old = {"class_name": "Functional", "config": {"name": "m", "layers": old_layers, **ends}}
    return [new, old]


def network_zip(configuration: Any, version: str = "3.15.1") -> bytes:
    """Return a .keras file without weights."""
    metadata = {"keras_version": version}
    return zip_of({"metadata.json": json.dumps(metadata).encode(), "config.json": json.dumps(configuration).encode()})


def networks() -> list[bytes]:
    """Return files of Keras models without weights: .keras of Keras 3 and .h5 of Keras 2."""
    new, old = network_trees()

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file.attrs["keras_version"] = "2.12.0"
            file.attrs["model_config"] = json.dumps(old)

    return [network_zip(new), network_zip(old, "2.15.0"), written(write, "a.h5")]
