"""One look for every figure, direct labels, alt text made from the numbers plotted, and optimizer animations.

The experiment is drawn in colour, and the theory over it as a dark line (`theory_line`). `show(fig, claim)` puts the
figure on the page together with an alt text: first the claim, then what is drawn, read from matplotlib's artists.
"""

import base64
import html
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib import animation, patheffects
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

PAPER = "#FBFAF5"
INK = "#1F1F1F"
BLUE, RED, GREEN, PURPLE, OCHRE, GRAY = "#0072B2", "#C1440E", "#1E6B3A", "#A3487F", "#8A6500", "#4D4D4D"
COLORS = (BLUE, RED, GREEN, PURPLE, OCHRE, GRAY)


def use_style() -> None:
    """Switch matplotlib to the lecture's look. Call it once, at the top of a notebook."""
    plt.style.use(Path(__file__).with_name("lecture5.mplstyle"))


# Drawing


def theory_line(ax: Axes, x: ArrayLike, y: ArrayLike, label: str, **style: Any) -> Line2D:
    """Draw what theory says, always as a dark line on top of the experiment. Returns the line.

    x, y: shape (n,) each. label: its name in the alt text and the legend. style: properties of a matplotlib line.
    """
    return ax.plot(x, y, label=label, **{"color": INK, "linewidth": 1.8, "zorder": 5, **style})[0]


def histogram(
    ax: Axes, values: ArrayLike, bins: int | ArrayLike, label: str, color: str = BLUE, alpha: float = 0.45
) -> StepPatch:
    """Draw the density of `values` as filled steps. Returns them as one patch.

    Values outside the bins count in the total, so the area drawn is the share of values inside, and a density from theory
    fits on top without rescaling.

    values: any shape. bins: their number, or their edges, shape (bins + 1,).
    """
    values = np.asarray(values, dtype=np.float64)
    counts, edges = np.histogram(values, bins if isinstance(bins, int) else np.asarray(bins))
    return ax.stairs(
        counts / (values.size * np.diff(edges)), edges, fill=True, color=color, alpha=alpha, linewidth=0, label=label
    )


def label_at(ax: Axes, x: float, y: float, text: str, color: str = INK, **style: Any) -> Text:
    """Write `text` at the point (x, y) of the data, with a halo, so that it can be read over lines and bars.

    style: properties of a matplotlib text. Returns the text.
    """
    halo = [patheffects.withStroke(linewidth=3, foreground=PAPER)]
    return ax.text(x, y, text, **{"color": color, "path_effects": halo, "zorder": 6, **style})


def label_line(line: Line2D, x: float, text: str | None = None, dy: float = 0.0, **style: Any) -> Text:
    """Write a line's label beside it, in its colour, where it passes `x`: in place of a legend.

    text: the label by default. dy: how far above that point, in points of 1/72 inch. style: properties of a matplotlib
    text. Returns the text.
    """
    ax = line.axes
    assert isinstance(ax, Axes)
    xs, ys = _points(line)
    order = np.argsort(xs)
    spot = (x, float(np.interp(x, xs[order], ys[order])))
    return ax.annotate(
        str(line.get_label()) if text is None else text,
        spot,
        xytext=(4, dy),
        textcoords="offset points",
        **{
            "color": line.get_color(),
            "path_effects": [patheffects.withStroke(linewidth=3, foreground=PAPER)],
            "va": "center",
            "zorder": 6,
            **style,
        },
    )


# Showing, with alt text


def show(fig: Figure, claim: str) -> None:
    """Put a figure on the page as a PNG with an alt text, and close it.

    claim: what the figure shows, in one or two sentences, with its numbers. The alt text is the claim followed by
    `describe(fig)`. It stands in two places: in the metadata of the output (for nbconvert), and in an <img> (for
    JupyterLab). Raises ValueError if the claim is empty.
    """
    if not claim.strip():
        raise ValueError("show(fig, claim): the claim is empty; say in a sentence what the reader should see")
    alt = f"{claim.strip()} {describe(fig)}"
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png")
    plt.close(fig)
    width = round(fig.get_figwidth() * 100)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    image = (
        f'<img src="data:image/png;base64,{encoded}" alt="{html.escape(alt)}" width="{width}" '
        'style="max-width: 100%; height: auto; border-radius: 6px">'
    )
    display(
        {"image/png": encoded, "text/html": image, "text/plain": alt},
        metadata={"image/png": {"alt": alt, "width": width}},
        raw=True,
    )


def describe(fig: Figure) -> str:
    """Describe a figure in words from its artists: for each panel its axes, then every labelled line, bar or cloud."""
    axes = [ax for ax in fig.axes if ax.get_label() != "<colorbar>"]
    panels = [_describe_axes(ax) for ax in axes]
    if len(panels) == 1:
        return panels[0]
    return " ".join(f"Panel {i}: {panel}" for i, panel in enumerate(panels, start=1))


def _describe_axes(ax: Axes) -> str:
    title = _plain(ax.get_title(loc="left") or ax.get_title())
    axes = f"x axis: {_axis(ax, 'x')}; y axis: {_axis(ax, 'y')}."
    drawn = [f"{text}." for text in _drawn(ax)]
    return " ".join([f"“{title}”.", axes, *drawn] if title else [axes, *drawn])


def _axis(ax: Axes, which: str) -> str:
    label = _plain(ax.get_xlabel() if which == "x" else ax.get_ylabel()) or "no label"
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    scale = ax.get_xscale() if which == "x" else ax.get_yscale()
    return f"{label}, {number(low)} to {number(high)}" + (", logarithmic" if scale == "log" else "")


def _drawn(ax: Axes) -> Iterator[str]:
    for line in ax.lines:
        if _labelled(line) and len(_points(line)[0]):
            yield f"{_plain(str(line.get_label()))}: {_course(*_points(line))}"
    for patch in ax.patches:
        if isinstance(patch, StepPatch) and _labelled(patch):
            values, edges, _ = patch.get_data()
            top = int(np.argmax(values))
            yield (
                f"{_plain(str(patch.get_label()))}: histogram from {number(edges[0])} to "
                f"{number(edges[-1])}, highest ({number(values[top])}) between "
                f"{number(edges[top])} and {number(edges[top + 1])}"
            )
    for container in ax.containers:
        label = str(container.get_label())
        if isinstance(container, BarContainer) and not label.startswith("_"):
            bars = container.orientation == "horizontal"
            sizes = [patch.get_width() if bars else patch.get_height() for patch in container.patches]
            yield f"{_plain(label)}: bars of {', '.join(number(size) for size in sizes)}"
        if isinstance(container, ErrorbarContainer) and not label.startswith("_"):
            yield f"{_plain(label)}: {_course(*_points(container.lines[0]))}, with error bars"
    for cloud in ax.collections:
        if isinstance(cloud, PathCollection) and _labelled(cloud):
            x, y = np.asarray(cloud.get_offsets(), dtype=np.float64).T
            yield (
                f"{_plain(str(cloud.get_label()))}: {len(x)} points, x from {number(x.min())} to {number(x.max())}, "
                f"y from {number(y.min())} to {number(y.max())}"
            )
    for image in ax.images:
        values = np.ma.compressed(np.ma.masked_invalid(np.ma.asarray(image.get_array(), dtype=np.float64)))
        yield f"picture with values from {number(values.min())} to {number(values.max())}"


def _labelled(artist: Artist) -> bool:
    """Whether an artist has a label of its own; matplotlib's automatic ones begin with an underscore."""
    return bool(artist.get_label()) and not str(artist.get_label()).startswith("_")


def _points(line: Line2D) -> tuple[Array, Array]:
    """The finite points of a line, two arrays of shape (n,)."""
    x, y = (np.atleast_1d(np.asarray(data, dtype=np.float64)) for data in line.get_data())
    finite = np.isfinite(x) & np.isfinite(y)
    return x[finite], y[finite]


def _course(x: Array, y: Array) -> str:
    """How a line runs, in words: where it starts and ends, and its extremes if they lie between."""
    if len(x) == 1:
        return f"{number(y[0])} at {number(x[0])}"
    if np.ptp(y) == 0:
        return f"{number(y[0])} throughout"
    if np.ptp(x) == 0:
        return f"vertical, at {number(x[0])}"
    text = f"from {number(y[0])} at {number(x[0])} to {number(y[-1])} at {number(x[-1])}"
    for name, i in (("highest", int(np.argmax(y))), ("lowest", int(np.argmin(y)))):
        if 0 < i < len(y) - 1 and y[i] not in (y[0], y[-1]):
            text += f", {name} {number(y[i])} at {number(x[i])}"
    return text


def number(value: float) -> str:
    """Three significant digits, as a reader would say them.

    >>> number(0.8488), number(12.24), number(5.4e-57)
    ('0.849', '12.2', '5.4e-57')
    """
    return f"{float(value):.3g}"


def _plain(text: str) -> str:
    """A label without the signs of mathtext, on one line."""
    text = re.sub(r"\\(?:mathrm|mathbf|text|operatorname)\b", "", text)
    text = re.sub(r"\\([a-zA-Z]+)", r"\1 ", text)
    return " ".join(re.sub(r"[${}]", "", text).split())


# Optimizers on a surface: an animation, and the same as small multiples

Surface = Callable[[Array, Array], Array]


def draw_surface(ax: Axes, f: Surface, xlim: tuple[float, float], ylim: tuple[float, float]) -> None:
    """Draw the contour lines of f(x, y).

    The levels are quantiles of f, spaced evenly in rank, so that valleys and walls both show.

    f: takes x and y, two arrays of one shape, and returns an array of that shape. xlim, ylim: the range of each axis.
    """
    x, y = np.meshgrid(np.linspace(*xlim, 160), np.linspace(*ylim, 160))
    z = f(x, y)
    ax.contour(x, y, z, levels=np.unique(np.quantile(z, np.linspace(0.01, 0.98, 14))), colors="#B9B4A3", linewidths=0.8)
    ax.set(xlim=xlim, ylim=ylim)
    ax.grid(False)


def small_multiples(
    paths: Mapping[str, ArrayLike],
    f: Surface,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    minimum: tuple[float, float] | None = None,
    columns: int = 3,
) -> Figure:
    """One panel per optimizer: its whole path on the contours of f. This is `animate` for a printed page.

    paths: name -> positions, shape (steps + 1, 2). f, xlim, ylim: as in `draw_surface`. minimum: where to put a star.
    columns: panels in a row. Returns the figure: give it to `show` with a claim.
    """
    rows = -(-len(paths) // columns)
    columns = min(columns, len(paths))
    fig, axes = plt.subplots(rows, columns, figsize=(7.4, 0.6 + 2.3 * rows), sharex=True, sharey=True, squeeze=False)
    for ax, (name, path), color in zip(axes.flat, paths.items(), _cycle(len(paths)), strict=False):
        path = np.asarray(path, dtype=np.float64)
        draw_surface(ax, f, xlim, ylim)
        ax.plot(
            *path.T, "o-", color=color, markersize=2.5, linewidth=1.2, label=f"path of {name}, {len(path) - 1} steps"
        )
        ax.plot(*path[0], "o", color=INK, markersize=5)
        if minimum is not None:
            ax.plot(*minimum, "*", color=INK, markersize=10)
        ax.set_title(f"{name}: f = {number(float(f(*path[-1])))}")
    for ax in axes.flat[len(paths) :]:
        ax.remove()
    return fig


def animate(
    paths: Mapping[str, ArrayLike],
    f: Surface,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    claim: str,
    minimum: tuple[float, float] | None = None,
    frames: int = 40,
    interval_ms: int = 120,
) -> None:
    """Put an animation on the page: all optimizers run over the contours of f together, with buttons and a slider.

    paths: name -> positions, shape (steps + 1, 2), all of the same length. f, xlim, ylim: as in `draw_surface`. claim: the
    text that a screen reader gives. minimum: where to put a star. frames: at most so many pictures. interval_ms: the time
    from one to the next, in milliseconds. Raises ValueError if the paths have different lengths.

    The page gets plain JavaScript and PNG frames (matplotlib's jshtml), so it needs neither ffmpeg nor a network. Without
    JavaScript nothing moves: show the `small_multiples` of the same paths beside it.
    """
    tracks = {name: np.asarray(path, dtype=np.float64) for name, path in paths.items()}
    steps = {len(track) for track in tracks.values()}
    if len(steps) != 1:
        raise ValueError(f"animate: all paths must have the same number of steps, got {sorted(steps)}")
    last = steps.pop() - 1
    fig, ax = plt.subplots(figsize=(6.2, 4.4), dpi=90)
    draw_surface(ax, f, xlim, ylim)
    if minimum is not None:
        ax.plot(*minimum, "*", color=INK, markersize=12)
    trails = [
        ax.plot([], [], "-", color=color, linewidth=1.6, label=name)[0]
        for name, color in zip(tracks, _cycle(len(tracks)), strict=True)
    ]
    heads = [ax.plot([], [], "o", color=trail.get_color(), markersize=8)[0] for trail in trails]
    ax.legend(loc="upper right", frameon=True, facecolor=PAPER, edgecolor="none", framealpha=0.9)

    def draw(step: int) -> Sequence[Line2D]:
        for trail, head, track in zip(trails, heads, tracks.values(), strict=True):
            trail.set_data(*track[: step + 1].T)
            head.set_data(*track[step : step + 1].T)
        ax.set_title(f"step {step}")
        return [*trails, *heads]

    times = np.unique(np.linspace(0, last, min(frames, last + 1)).round().astype(int))
    with plt.rc_context({"savefig.dpi": "figure", "animation.embed_limit": 30}):
        movie = animation.FuncAnimation(fig, draw, frames=list(times), interval=interval_ms)
        page = _offline(movie.to_jshtml(default_mode="once"), claim)
    plt.close(fig)
    display({"text/html": page, "text/plain": claim}, raw=True)


_BUTTONS = {
    "fa-minus": "−",
    "fa-fast-backward": "⏮",
    "fa-step-backward": "⇤",
    "fa-play fa-flip-horizontal": "◀",
    "fa-pause": "❚❚",
    "fa-play": "▶",
    "fa-step-forward": "⇥",
    "fa-fast-forward": "⏭",
    "fa-plus": "+",
}


def _offline(page: str, alt: str) -> str:
    """matplotlib's player without its link to an icon font on the network, and with an alt text."""
    page = re.sub(r"<link[^>]*>", "", page)
    for icon, sign in _BUTTONS.items():
        page = page.replace(f'<i class="fa {icon}"></i>', sign)
    return page.replace('<img id="_anim_img', f'<img alt="{html.escape(alt)}" id="_anim_img')


def _cycle(count: int) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(count)]
