"""The look of the lecture's figures: contrast, colour-blind safety, alt text, and animations without a network."""

import base64
import itertools
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter, SlidesExporter

from lecture5 import figures

mpl.use("Agg")
figures.use_style()

# Linear-RGB matrices that simulate full colour blindness (Viénot, Brettel & Mollon 1999; Machado et al. 2009)
DEFICIENCIES = {
    "normal": np.eye(3),
    "protan": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deutan": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritan": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}


def linear(color):
    rgb = np.array(mpl.colors.to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """Contrast ratio of two colours as WCAG 2 defines it."""
    light, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    """CIE L*a*b* of a linear RGB colour."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    t = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("color", figures.COLORS)
def test_colors_can_be_read_as_text_on_the_paper(color):
    assert contrast(color, figures.PAPER) >= 4.5


def test_text_and_paper_are_a_readable_card_in_both_themes():
    assert mpl.colors.to_hex(mpl.rcParams["figure.facecolor"]) == figures.PAPER.lower()
    assert [entry["color"].lower() for entry in mpl.rcParams["axes.prop_cycle"]] == [c.lower() for c in figures.COLORS]
    assert contrast(figures.INK, figures.PAPER) > 12
    for key in ("text.color", "xtick.color", "ytick.color", "axes.labelcolor", "axes.titlecolor"):
        assert contrast(mpl.rcParams[key], figures.PAPER) > 12


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colors_differ_for_colour_blind_readers(deficiency):
    seen = {c: lab(DEFICIENCIES[deficiency] @ linear(c)) for c in (*figures.COLORS[:4], figures.INK)}
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 12, (a, b)


@pytest.fixture
def shown(monkeypatch):
    """The MIME bundles that figures.py displayed, as (data, metadata)."""
    bundles = []
    monkeypatch.setattr(figures, "display", lambda data, metadata=None, raw=False: bundles.append((data, metadata)))
    return bundles


def test_show_gives_png_html_and_text_the_same_alt(shown):
    fig, ax = plt.subplots()
    figures.theory_line(ax, [0, 1, 2], [3.0, 1.0, 2.0], "a <law>")
    ax.set(xlabel="width", ylabel="loss")
    figures.show(fig, "The loss dips.")
    ((data, metadata),) = shown
    alt = metadata["image/png"]["alt"]
    assert alt.startswith("The loss dips. x axis: width")
    assert "a <law>: from 3 at 0 to 2 at 2, lowest 1 at 1" in alt
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert "a &lt;law&gt;" in data["text/html"]
    assert data["text/plain"] == alt
    assert not plt.get_fignums()


def test_show_wants_a_claim(shown):
    with pytest.raises(ValueError, match="claim is empty"):
        figures.show(plt.figure(), "  ")


def test_alt_text_survives_nbconvert(shown):
    fig, ax = plt.subplots()
    ax.plot([1, 2], [1, 4], label="error")
    figures.show(fig, "Errors grow: “fast” & far.")
    data, metadata = shown[0]
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    for exporter in (HTMLExporter, SlidesExporter):
        page, _ = exporter().from_notebook_node(notebook)
        assert page.count("<img") == 1
        assert re.search(r'alt="Errors grow: “fast” &amp; far\. x axis', page)


def test_describe_reads_bars_histograms_points_and_pictures():
    fig, axes = plt.subplots(1, 4)
    axes[0].bar([1, 2], [3.0, 0.25], label="bars")
    figures.histogram(axes[1], [0.1, 0.2, 0.9], [0, 0.5, 1.0], "values")
    axes[2].scatter([1, 2, 3], [4, 5, 6], label="points")
    axes[2].errorbar([1, 2], [1, 1], [0.1, 0.1], label="means")
    axes[3].imshow([[1.0, np.nan], [2.0, 7.0]])
    axes[3].set_title(r"heat of $\alpha^N$")
    text = figures.describe(fig)
    for part in (
        "Panel 1",
        "bars: bars of 3, 0.25",
        "values: histogram from 0 to 1, highest (1.33) between 0 and 0.5",
        "points: 3 points, x from 1 to 3, y from 4 to 6",
        "means: 1 throughout, with error bars",
        "“heat of alpha ^N”",
        "picture with values from 1 to 7",
    ):
        assert part in text
    plt.close(fig)


def test_describe_leaves_out_what_has_no_label_and_names_log_axes():
    fig, ax = plt.subplots()
    ax.plot([1, 10], [1, 100])
    ax.axvline(3, label="threshold")
    ax.set_xscale("log")
    assert figures.describe(fig).count(":") == 3  # two axes and the threshold
    assert "logarithmic" in figures.describe(fig)
    assert "threshold: vertical, at 3" in figures.describe(fig)
    plt.close(fig)


def test_histogram_keeps_the_share_outside_its_bins():
    fig, ax = plt.subplots()
    patch = figures.histogram(ax, [0.5, 0.5, 5.0, 9.0], [0, 1], "x")
    assert patch.get_data().values.tolist() == [0.5]
    plt.close(fig)


def test_label_line_stands_on_the_line_in_its_colour():
    fig, ax = plt.subplots()
    (line,) = ax.plot([0, 10], [0, 20], color=figures.RED, label="slope 2")
    text = figures.label_line(line, x=3)
    assert (text.get_text(), text.xy, text.get_color()) == ("slope 2", (3, 6.0), figures.RED)
    plt.close(fig)


def bowl(x, y):
    return x**2 + 10 * y**2


def test_animation_needs_no_network_and_has_alt_text(shown):
    paths = {"GD": np.linspace([2, 1], [0, 0], 30), "Adam": np.linspace([2, 1], [0, 0.1], 30)}
    figures.animate(paths, bowl, (-3, 3), (-2, 2), "GD arrives; Adam is 0.1 off.", minimum=(0, 0), frames=5)
    page = shown[0][0]["text/html"]
    assert "http" not in re.sub(r"data:image/png;base64,[^\"]*", "", page)
    assert 'alt="GD arrives; Adam is 0.1 off."' in page
    assert "fa-" not in page  # no button waits for an icon font
    assert page.count("data:image/png;base64,") == 5


def test_animation_wants_paths_of_one_length():
    with pytest.raises(ValueError, match=r"same number of steps, got \[3, 4\]"):
        figures.animate({"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}, bowl, (-1, 1), (-1, 1), "claim")


def test_small_multiples_draw_every_path():
    paths = {name: np.linspace([2, 1], [0, 0], 8) for name in "abcd"}
    fig = figures.small_multiples(paths, bowl, (-3, 3), (-2, 2), minimum=(0, 0))
    assert len(fig.axes) == 4  # the two empty panels of the second row are gone
    assert "path of d, 7 steps" in figures.describe(fig)
    plt.close(fig)
