"""Names are written for readers."""

import pytest
from dermalign.results.words import in_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("milia_like_cyst", "milia-like cyst"),
        ("pigment_network", "pigment network"),
        ("gradcam", "Grad-CAM"),
        ("union", "union"),
        ("gradcam_tiles", "gradcam tiles"),
    ],
)
def test_a_name_reads_as_words(name, words):
    assert in_words(name) == words
