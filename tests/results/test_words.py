"""Names as people read them."""

import pytest
from dermalign.results.words import in_words
from dermalign.study.sources import METHOD, kinds_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("milia_like_cyst", "milia-like cyst"),
        ("gradcam_plus_plus", "Grad-CAM++"),
        ("gradcam_block4", "Grad-CAM block4"),
        ("gradcam_plus_plus_early_layer", "Grad-CAM++ early layer"),
        ("rises", "rises"),
        ("random_cells", "random cells"),
        ("controls/center_gaussian", "controls/centred Gaussian"),
    ],
)
def test_methods_are_written_as_their_authors_do_and_blanks_stand_for_underscores(name: str, words: str) -> None:
    assert in_words(name) == words


def test_every_method_has_words_without_underscores() -> None:
    words = [in_words(name) for name in kinds_of(METHOD)]
    assert not any("_" in each or each == "gradcam" for each in words) and len(set(words)) == len(words)
