"""Contents that are nearly valid, as strategies of Hypothesis: changed seeds, and files made by their kind's rules."""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import h5py
import numpy as np
import yaml
from dermalign.data.feedback import NAME
from dermalign.data.tables import LESION_COLUMNS, PICTURE_COLUMNS, SEPARATORS
from dermalign.saliency.stores import TEXTS
from feedback_cases import png
from hypothesis import strategies as st
from study_cases import FEATURES, IMAGES

from . import seeds

Draw = Callable[..., Any]
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63, 2**64 - 1)


@st.composite
def mutated(draw: Draw, contents: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Return one of the contents after a few changes: bits, numbers, cuts, copies, tokens, parts of another."""
    content = draw(st.sampled_from(list(contents)))
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, len(content)))
        end = min(len(content), place + draw(st.sampled_from([1, 2, 4, 8, 16, 100, 1000])))
        before, part, after = content[:place], content[place:end], content[end:]
        change = draw(st.integers(0, 8))
        if change == 0:
            content = before + bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in part[:1]) + part[1:] + after
        elif change == 1:
            size, order = draw(st.sampled_from([1, 2, 4, 8])), draw(st.sampled_from(["little", "big"]))
            number = draw(st.sampled_from(EXTREMES)) % 256**size
            content = before + number.to_bytes(size, order) + content[place + size :]
        elif change == 2:
            content = before + after
        elif change == 3:
            content = before
        elif change == 4:
            content = before + part * draw(st.sampled_from([2, 3, 50])) + after
        elif change == 5:
            other = draw(st.sampled_from(list(contents)))
            start = draw(st.integers(0, len(other)))
            content = before + other[start:]
        elif change == 6 and tokens:
            content = before + draw(st.sampled_from(list(tokens))) + part + after
        elif change == 7 and tokens:
            content = before + draw(st.sampled_from(list(tokens))) * draw(st.sampled_from([2, 100, 2000])) + after
        else:
            content = before + draw(st.binary(max_size=8)) + after
    return content[: 2**20]


_CELLS = st.one_of(
    st.sampled_from(["a", "b", "a.jpg", "x/b.PNG", "c_downsampled", "MEL", "NV", "nevus", "melanoma", "1", "0", "1.0"]),
    st.sampled_from(["", "nan", "-999", "0,5", "X", "benign", "HAM_nan", "45", "1e400", "Malignant::Melanoma NOS"]),
    st.text(max_size=6),
)
_COLUMNS = st.one_of(
    st.sampled_from([*PICTURE_COLUMNS[:6], *LESION_COLUMNS, "MEL", "NV", "BKL", "diagnosis", "diagnosis_2", "label"]),
    st.sampled_from(["age_approx", "sex", "melanoma", "seborrheic_keratosis", "benign_malignant", "derm", "clinic"]),
    st.sampled_from(["Clinical Diagnosis", "Histological Diagnosis", "intersection", "union", "jaccard", "published"]),
    st.text(max_size=4),
)


@st.composite
def tables(draw: Draw) -> bytes:
    """Return a table: any columns and cells, separators, quotes, line ends, titles above and encodings."""
    separator, end = draw(st.sampled_from([*SEPARATORS, "||"])), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    count = draw(st.integers(1, 5))
    rows = [[draw(_COLUMNS) for _ in range(count)]]
    rows += [[draw(_CELLS) for _ in range(draw(st.sampled_from([count, count, count, 1, 6])))] for _ in range(3)]
    quote = draw(st.sampled_from(["", "", '"']))
    text = end.join(separator.join(quote + cell + quote for cell in row) for row in rows)
    above = draw(st.sampled_from(["", "", "A title\n\n", "sep=;\n", "||", "\ufeff"]))
    below = draw(st.sampled_from(["", end, '"', "\0", separator * 40]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-16-be", "utf-32", "latin-1"]))
    return (above + text + below).encode(encoding, errors="replace")


_ODD = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 1, 5, 0.5, -0.0, 1e308, float("nan"), float("inf"), 10**400, ""]),
    st.sampled_from(["\ud800", "a" * 300, "all", "union", "../x", "gradcam", "1e-3", "2026-11-28", "\0", "{image}"]),
    st.sampled_from([[], {}, [[]], [None], {"": None}, {"a": {"b": 1}}, {"1": 1}, [0.1, 0.1], {"kind": "rise"}]),
    st.text(max_size=5),
    st.integers(),
    st.floats(),
)


@st.composite
def changed_tree(draw: Draw, trees: Sequence[Any]) -> Any:
    """Return a structure of JSON after a few changes at any of its places: values, keys, kinds, depth."""
    tree = json.loads(json.dumps(draw(st.sampled_from(list(trees)))))
    for _ in range(draw(st.integers(1, 4))):
        holder = tree
        while True:
            inner = holder.values() if isinstance(holder, dict) else holder
            deeper = [each for each in inner if isinstance(each, dict | list) and each]
            if not deeper or draw(st.integers(0, 3)) == 0:
                break
            holder = draw(st.sampled_from(deeper))
        if not holder:
            continue
        key: Any = draw(st.sampled_from(sorted(holder, key=str) if isinstance(holder, dict) else range(len(holder))))
        change = draw(st.integers(0, 5))
        if change == 0:
            del holder[key]
        elif change == 1 and isinstance(holder, dict):
            holder[draw(st.one_of(st.text(max_size=3), st.sampled_from(["union", "\ud800", key + "x"])))] = holder[key]
        elif change == 2:
            holder[key] = [holder[key]]
        elif change == 3:
            for _ in range(draw(st.sampled_from([3, 60, 400]))):
                holder[key] = draw(st.sampled_from([[holder[key]], {"a": holder[key]}]))
        else:
            holder[key] = deepcopy(draw(_ODD))  # what is drawn is one object, however often
    return tree


_KEYS = st.one_of(st.integers(), st.booleans(), st.none(), st.floats(), st.dates(), st.tuples(st.integers()))


@st.composite
def configurations(draw: Draw, trees: Sequence[Any]) -> bytes:
    """Return a configuration after changes as YAML, with what JSON has not: keys that are no text, dates, aliases."""
    tree = draw(changed_tree(trees))
    if isinstance(tree, dict) and tree and draw(st.booleans()):
        places = [tree, *(each for each in tree.values() if isinstance(each, dict))]
        place = draw(st.sampled_from(places))
        value = draw(
            st.one_of(
                _ODD.map(deepcopy), st.dates(), st.binary(max_size=3), st.sampled_from([{1}, (1, 2), place, tree])
            )
        )
        place[draw(st.one_of(_KEYS, st.sampled_from(sorted(place, key=str) or ["a"])))] = value
    try:
        return yaml.dump(tree, sort_keys=False, Dumper=yaml.CSafeDumper).encode(errors="surrogatepass")
    except (yaml.YAMLError, RecursionError, UnicodeEncodeError):  # what YAML has no words for
        return json.dumps(tree, default=str, skipkeys=True).encode()


def _as_json(tree: Any) -> bytes:
    return json.dumps(tree).encode()


@st.composite
def feedback_json(draw: Draw) -> bytes:
    """Return feedback after changes as JSON."""
    return _as_json(draw(changed_tree([json.loads(content) for content in seeds.feedback_json()])))


@st.composite
def zips(draw: Draw, members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a zip of some of the members, under these names or others, whose headers have a few numbers changed."""
    stream = io.BytesIO()
    names = st.one_of(
        st.sampled_from([name for name, _ in members]),
        st.sampled_from(
            ["../a.jpg", "/a.jpg", "C:\\a.jpg", "a/../b.jpg", "a.jpg/", ".jpg", "a\\b.jpg", "A.JPG", "a//b.png"]
        ),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6),
    )
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in draw(st.lists(st.sampled_from(list(members)), min_size=1, max_size=4)):
            info = zipfile.ZipInfo(draw(names) if draw(st.integers(0, 3)) == 0 else name)
            info.compress_type = draw(st.sampled_from([0, 0, 8, 12, 14]))
            info.extra = draw(
                st.sampled_from([b"", b"", b"up\x05\0\1aaaa", b"\1\0\x08\0" + b"\xff" * 8, b"up\xff\xff"])
            )
            info.external_attr = draw(st.sampled_from([0, 0xA1ED0000, 0x10]))
            archive.writestr(info, content)
        archive.comment = draw(st.binary(max_size=5))
    content = bytearray(stream.getvalue())
    # Numbers of the headers, with their sizes: of a member, of the directory and of its end (APPNOTE 4.3.7, 12 and 16).
    for mark, fields in (
        (b"PK\x03\x04", [(6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)]),
        (b"PK\x01\x02", [(6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (34, 2), (42, 4)]),
        (b"PK\x05\x06", [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)]),
    ):
        if draw(st.integers(0, 2)) == 0 and (start := content.find(mark)) >= 0:
            place, size = draw(st.sampled_from(fields))
            number = draw(st.sampled_from([*EXTREMES, 2, 9, 14, 93, 98, 99, 0x800])) % 256**size
            content[start + place : start + place + size] = number.to_bytes(size, "little")
    return bytes(content)


def archive_members() -> list[tuple[str, bytes]]:
    """Return files of an archive of pictures and masks, with some that are none."""
    return [
        ("Input/a.jpg", seeds.pictures()[0]),
        ("b.png", seeds.pictures()[1]),
        ("masks/a_attribute_globules.png", seeds.masks()[0]),
        ("c.tif", b""),
        ("d.webp", bytes(100_000)),
        ("LICENSE.txt", b"text"),
    ]


@st.composite
def feedback_zips(draw: Draw) -> bytes:
    """Return feedback as a zip: its JSON after changes, masks of any form, headers with numbers changed."""
    tree = draw(st.one_of(st.just(seeds.feedback_tree()), changed_tree([seeds.feedback_tree()])))
    masks = [draw(st.sampled_from(_feedback_masks())) for _ in FEATURES]
    names = [f"masks/{IMAGES[0]}_attribute_{feature}.png" for feature in FEATURES]
    members = [(NAME, _as_json(tree)), *zip(names, masks, strict=True)]
    if draw(st.booleans()):
        return seeds.zip_of(dict(members))
    return draw(zips(members))


def _feedback_masks() -> list[bytes]:
    return [png(np.zeros((6, 8), dtype=np.bool_)), png(np.full((6, 8), 255, np.uint8)), b"", *seeds.masks()]


_VALUES = (
    np.zeros((2, 3), np.float32),
    np.full((2, 3), np.nan, np.float32),
    np.full((2, 3), 7, np.float32),
    np.zeros((2, 3), np.float64),
    np.zeros((2, 2, 3), np.float32),
    np.zeros((0, 3), np.float32),
    np.zeros((3, 2, 3), np.float32),
    np.zeros((3, 0, 0), np.float32),
    np.zeros(3, np.bool_),
    np.zeros(2, np.uint32),
    np.full((2, 3), 2**32 - 1, np.uint32),
    np.array([[0, 2, 5], [0, 1, 4]], np.int64),
    np.array([-1, 3]),
    np.zeros((2, 3), [("a", "f4")]),
    np.array([b"a", b"\xff"]),
    np.zeros((2, 3), np.complex64),
    0.5,
    "text",
    b"\xff\xfe",
    "",
    3,
    True,
    [],
    ["a", "b"],
    ["a", "b", "c"],
    h5py.Empty("f4"),
    h5py.Empty(h5py.string_dtype()),
)
_NAMES = ("saliency", "raw", "probabilities", "signed", "image", "predicted_class", "target_class", "degenerate")
_PLACES = (*_NAMES, "area", "area/all", "intersection", "intersection/globules", "levels", "levels/all")
_ATTRIBUTES = (*TEXTS, "degenerate", "features", "by_feature", "model_config", "keras_version")


@st.composite
def hdf5(draw: Draw, contents: Sequence[bytes]) -> bytes:
    """Return an HDF5 file after changes: other data sets and attributes, of other kinds and shapes, or none of them."""
    stream = io.BytesIO(draw(st.sampled_from(list(contents))))
    with h5py.File(stream, "a") as file:
        for _ in range(draw(st.integers(1, 3))):
            name, value = draw(st.sampled_from(_PLACES)), draw(st.sampled_from(_VALUES))
            change = draw(st.integers(0, 4))
            try:
                if change == 0:
                    attribute = draw(st.sampled_from(_ATTRIBUTES))
                    file.attrs[attribute] = value
                elif change == 1:
                    attribute = draw(st.sampled_from(sorted(file.attrs) or ["degenerate"]))
                    if attribute in file.attrs:
                        del file.attrs[attribute]
                else:
                    if name in file:
                        del file[name]
                    if change == 2:
                        file.create_group(name)
                    elif change == 3:
                        file[name] = value
                    elif draw(st.booleans()):
                        file[name] = draw(st.sampled_from([h5py.SoftLink("/raw"), h5py.ExternalLink("x.h5", "/raw")]))
            except (KeyError, ValueError, TypeError, OSError, RuntimeError):  # no place for it in this file
                continue
    return stream.getvalue()


@st.composite
def networks(draw: Draw) -> bytes:
    """Return a .keras file whose configuration is changed, or a zip of one with changed headers."""
    tree = draw(changed_tree(seeds.network_trees()))
    whole = seeds.network_zip(tree, draw(st.sampled_from(["3.15.1", "2.15.0", "", "x"])))
    if draw(st.booleans()):
        return whole
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    return draw(zips([*members, ("metadata.json", draw(st.sampled_from([b"[]", b"1", b"\xff", b"{" * 3000])))]))


def contents(name: str, given: Sequence[bytes], tokens: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return the contents that a target is tried with: its seeds, changed, and what its grammar makes."""
    by_rules: dict[str, Callable[[], st.SearchStrategy[bytes]]] = {
        "archive": lambda: zips(archive_members()),
        "table": tables,
        "labels": tables,
        "metadata": tables,
        "shard": tables,
        "published": tables,
        "configuration": lambda: configurations(seeds.trees()),
        "store": lambda: hdf5(given),
        "maps": lambda: hdf5(given),
        "curves": lambda: hdf5(given),
        "feedback_zip": feedback_zips,
        "feedback_json": feedback_json,
        "network": networks,
    }
    changed = mutated(given, tokens)
    return st.one_of(by_rules[name](), changed) if name in by_rules else changed
