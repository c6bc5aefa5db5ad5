"""What a training depends on by its imports, from which follows what trains a classifier anew."""

from dermalign.study.digests import LIBRARY, imported_modules

SCRIPT = LIBRARY.parent / "train.py"


def test_the_training_depends_on_nothing_that_does_not_train() -> None:
    assert imported_modules(None, "classifiers.training") == {
        "classifiers.architectures",
        "classifiers.backbones",
        "classifiers.backend",
        "classifiers.checkpoints",
        "classifiers.devices",
        "classifiers.fitting",
        "classifiers.focal",
        "classifiers.model_files",
        "classifiers.picture_batches",
        "classifiers.preprocessing",
        "classifiers.probabilities",
        "classifiers.scores",
        "classifiers.settings",
        "classifiers.tables",
        "classifiers.training",
        "data.picture_store",
        "hdf5",
        # what refuses files of weights that were made to harm
        "classifiers.sound_files",
        "data.file_kinds",
        "data.names",
    }


def test_the_script_depends_on_no_later_stage() -> None:
    found = imported_modules(SCRIPT)
    assert "classifiers.training" in found
    later = (
        "segmentation",
        "saliency",
        "overlap",
        "results",
        "drawing",
        "classifiers.brought",
        "classifiers.gradients",
    )
    assert [name for name in sorted(found) if name.startswith((*later, "data.archives", "data.pictures"))] == []


def test_no_module_of_the_stage_depends_on_a_later_one() -> None:
    paths = sorted((LIBRARY / "classifiers").rglob("*.py"))
    names = [".".join(path.relative_to(LIBRARY).with_suffix("").parts) for path in paths if path.name != "__init__.py"]
    assert len(names) > 20
    found = imported_modules(None, *names)
    assert [name for name in sorted(found) if name.startswith(("segmentation", "saliency", "overlap", "results"))] == []
