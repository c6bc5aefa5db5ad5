"""Names that mean the same photograph."""

import unicodedata

import pytest
from dermalign.data.names import composed, folded, plain_name


@pytest.mark.parametrize(
    "name",
    [
        "ISIC_0000001",
        "isic_0000001",
        "ISIC_0000001.jpg",
        "ISIC_0000001.JPG",
        "ISIC_0000001_downsampled",
        "ISIC_0000001_Downsampled.jpeg",
    ],
)
def test_one_photograph(name: str) -> None:
    assert plain_name(name) == "isic_0000001"


def test_accents_however_a_system_wrote_them() -> None:
    name = "Läsion é"
    for form in ("NFC", "NFD"):
        assert composed(unicodedata.normalize(form, name)) == name
        assert folded(unicodedata.normalize(form, name.upper())) == "läsion é"


@pytest.mark.parametrize("name", ["a.b", "001", "na", "case 1.5", "x.csv", "downsampled"])
def test_what_is_no_suffix_of_a_picture_stays(name: str) -> None:
    assert plain_name(name) == name
