"""Which names mean the same photograph."""

import pytest
from dermalign.data.names import composed, folded, plain_name


@pytest.mark.parametrize(
    "name",
    ["ISIC_1", "isic_1", "ISIC_1.JPG", "isic_1.tiff", "ISIC_1_downsampled", "ISIC_1_DOWNSAMPLED.jpeg", "Isic_1.webp"],
)
def test_forms_of_one_name(name: str) -> None:
    assert plain_name(name) == "isic_1"


@pytest.mark.parametrize(
    "name", ["isic_1.txt", "isic.1", "isic_1_superpixels", "isic_1.jpg.txt", ".jpg", "jpg", "001", ""]
)
def test_names_that_stay(name: str) -> None:
    assert plain_name(name) == name


def test_accents_and_letters_without_case() -> None:
    assert composed("u\u0308ber") == "\u00fcber" and composed("A") == "A"
    assert folded("U\u0308BER") == folded("\u00fcber") == plain_name("\u00dcber.PNG")
    assert plain_name("STRASSE") == plain_name("stra\u00dfe.tif")
