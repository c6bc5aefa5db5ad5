"""Labels for a further training: what readers agree on, as a table that the readers of label tables take."""

from pathlib import Path

import pandas as pd
import pytest
from dermalign.data.labels import read_diagnoses, read_training_labels
from dermalign.results.corrected_labels import corrected_labels

CLASSES = ["MEL", "NV", "BKL"]


def labels_of(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Labels of a reader: picture, model and class by the verdict."""
    return pd.DataFrame(rows, columns=["image", "model", "class"])


def decided(*of_readers: dict[str, str]) -> str:
    """Return the class of a picture, or why it has none; of_readers: {model: class by the verdict}."""
    labels = {
        name: labels_of(*(("p", model, verdict) for model, verdict in verdicts.items()))
        for name, verdicts in zip(("anna", "ben", "eve", "joe"), of_readers, strict=False)
    }
    table, left_out = corrected_labels(labels, CLASSES)
    assert len(table) + len(left_out) == 1
    if len(left_out):
        return str(left_out.loc[0, "reason"])
    (name,) = [name for name in CLASSES if table.loc[0, name]]
    return name


@pytest.mark.parametrize(
    ("of_readers", "expected"),
    [
        ([{"plain": "MEL"}], "MEL"),
        ([{"plain": "MEL", "other": "MEL"}, {"plain": "NV"}, {"plain": "MEL"}], "MEL"),
        ([{"plain": "NV"}, {"plain": ""}, {}], "NV"),
        # A reader has one vote, on however many models.
        (
            [{"plain": "MEL", "other": "MEL", "third": "MEL"}, {"plain": "NV"}],
            "no class has a majority: MEL (anna), NV (ben)",
        ),
        (
            [{"plain": "MEL"}, {"plain": "MEL"}, {"plain": "NV"}, {"plain": "BKL"}],
            "no class has a majority: BKL (joe), MEL (anna, ben), NV (eve)",
        ),
        (
            [{"plain": "MEL", "other": "NV"}, {"plain": "NV"}],
            "the verdicts of anna contradict each other: MEL by plain, NV by other",
        ),
        ([{"plain": ""}, {"plain": ""}], "called wrong, and no class is named"),
        ([{"plain": "SCC"}], "SCC is no class of this study"),
    ],
)
def test_the_majority_of_readers_decides(of_readers: list[dict[str, str]], expected: str) -> None:
    assert decided(*of_readers) == expected


def test_the_table_is_read_as_training_labels_and_as_diagnoses(tmp_path: Path) -> None:
    anna = labels_of(("ISIC_2", "plain", "NV"), ("ISIC_1", "plain", "MEL"), ("ISIC_3", "plain", "NV"))
    ben = labels_of(("ISIC_3", "plain", "MEL"))
    table, left_out = corrected_labels({"anna": anna, "ben": ben}, CLASSES)
    path = tmp_path / "labels.csv"
    table.to_csv(path, index=False)
    assert path.read_text() == "image,MEL,NV,BKL\nISIC_1,1,0,0\nISIC_2,0,1,0\n"
    assert read_training_labels(path, CLASSES) == {"ISIC_1": "MEL", "ISIC_2": "NV"}
    assert read_diagnoses([path], CLASSES).by_image == {"isic_1": "MEL", "isic_2": "NV"}
    assert left_out["image"].tolist() == ["ISIC_3"]
