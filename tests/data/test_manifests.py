"""Manifests are read as they were written."""

from pathlib import Path

import pandas as pd
from dermalign.data.evaluation_manifest import evaluation_manifest
from dermalign.data.manifests import read_evaluation, read_training, write_evaluation, write_training
from dermalign.data.training_manifest import training_manifest
from dermalign.study.digests import LIBRARY, imported_modules


def test_training_manifest_is_read_as_written(tmp_path: Path) -> None:
    images = [f"ISIC_{number}" for number in range(40)]
    lesions = {images[0]: "NA", images[1]: "007"}  # names, not a missing value and not a number
    classes = dict.fromkeys(images[1:], "NV")
    options = {"leakage": "exclude", "validation": 0.1, "test": 0.1, "seed": 1}
    table = training_manifest(dict.fromkeys(images, (600, 450)), classes, lesions, images[:5], **options)
    write_training(tmp_path / "training.csv", table)
    pd.testing.assert_frame_equal(read_training(tmp_path / "training.csv"), table, check_dtype=False)
    header, row = (tmp_path / "training.csv").read_text().splitlines()[:2]
    assert header == "image,class,split,lesion_id,width,height,reason"
    assert row == "ISIC_0,,excluded,NA,600,450,has none of the classes in the labels"


def test_evaluation_manifest_is_read_as_written(tmp_path: Path) -> None:
    counts = {"image": ["007", "a"], "width": 20, "height": 10, "globules": [5, 0], "union": [5, 0]}
    table = evaluation_manifest(pd.DataFrame(counts), {"007": "MEL"}, ["MEL", "NV"])
    write_evaluation(tmp_path / "evaluation.csv", table)
    read = read_evaluation(tmp_path / "evaluation.csv")
    pd.testing.assert_frame_equal(read, table, check_dtype=False)
    assert read["included"].dtype == bool
    assert (tmp_path / "evaluation.csv").read_text() == (
        "image,diagnosis,width,height,globules,union,included,reason\n"
        "007,MEL,20,10,5,5,True,\n"
        "a,,20,10,0,0,False,no table knows its diagnosis\n"
    )


def test_what_reads_a_manifest_depends_on_nothing_that_makes_one() -> None:
    assert imported_modules(None, "data.manifests") == {"data.manifests"}


def test_data_depend_on_no_later_stage() -> None:
    for path in (LIBRARY / "data").glob("[a-z]*.py"):
        found = imported_modules(None, f"data.{path.stem}")
        stages = {module.partition(".")[0] for module in found}
        assert stages <= {"data", "study", "hdf5", "terms", "__init__"}, path.stem
