"""What figures share: looks that never run out, and files that are whole."""

import inspect
from pathlib import Path

import matplotlib
import pytest
from dermalign.results import classifier_figures, figures, picture_figures
from dermalign.results.plotting import legend_above, looks, save
from matplotlib.figure import Figure


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("count", [0, 1, 4, 5, 7, 8, 12, 20, 200])
def test_every_line_has_its_own_look(count: int, grey: bool) -> None:
    found = looks(count, grey=grey)
    assert len({(look["color"], str(look["linestyle"]), look.get("marker")) for look in found}) == count
    axis = Figure().subplots()
    for look in found:
        axis.plot([0, 1], [0, 1], **look)
    # A line that joins changes none of the others.
    assert found == looks(count + 1, grey=grey)[:count]


def test_colours_come_before_line_styles() -> None:
    found = looks(14)
    assert len({look["color"] for look in found[:7]}) == 7
    assert [look["linestyle"] for look in found] == ["-"] * 7 + ["--"] * 7
    # Colours alone are not told apart in grey.
    assert len({look.get("marker") for look in found[:7]}) == 7
    assert {look["color"] for look in looks(9, grey=True)} == {"0.45"}
    assert "-" not in {look["linestyle"] for look in looks(9, grey=True)}


@pytest.mark.parametrize("count", [1, 6, 7, 40])
def test_the_legend_makes_room_for_itself(count: int) -> None:
    figure = Figure(figsize=(4, 2), layout="constrained")
    axis = figure.subplots()
    lines = {f"a line with a name {number}": axis.plot([0, 1], [0, 1])[0] for number in range(count)}
    below = legend_above(figure, lines)
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(lines)
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.x1 and legend.y1 <= figure.bbox.y1
    assert below * figure.get_figheight() == pytest.approx(2)
    assert axis.get_tightbbox().y1 <= legend.y0
    assert axis.bbox.height > 0.6 * 2 * figure.dpi


def test_no_legend_without_entries() -> None:
    figure = Figure()
    assert legend_above(figure, {}) == 1
    assert not figure.legends


def test_a_figure_that_cannot_be_saved_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bmp"):
        save(Figure(), [tmp_path / "a.bmp"])
    assert list(tmp_path.iterdir()) == []


def test_every_figure_is_drawn_in_the_one_style() -> None:
    drawing = {
        name: function
        for module in (classifier_figures, figures, picture_figures)
        for name, function in vars(module).items()
        if inspect.isfunction(function) and inspect.signature(function).return_annotation is Figure
    }
    assert len(drawing) >= 10
    for name, function in drawing.items():
        assert inspect.unwrap(function) is not function, f"{name} is not decorated with style()"


def test_a_readers_matplotlibrc_changes_no_figure(tmp_path: Path) -> None:
    odd = {
        "font.size": 23,
        "font.family": "serif",
        "axes.facecolor": "black",
        "axes.grid": True,
        "savefig.pad_inches": 2,
    }
    plain, changed = tmp_path / "plain.svg", tmp_path / "changed.svg"
    save(picture_figures.no_picture_figure(), [plain])
    with matplotlib.rc_context(odd):
        save(picture_figures.no_picture_figure(), [changed])
        assert matplotlib.rcParams["font.size"] == 23
    assert changed.read_bytes() == plain.read_bytes()
