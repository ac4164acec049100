"""What students write, as HTML that does nothing but look: Markdown, formulas, code, and the outputs of their cells.

The rendered result is cleaned, not the source: a link becomes `javascript:` only once Markdown has been read. Formulas become
pictures here, so that a page needs no script at all and can forbid them.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import Any

import nh3
from markupsafe import Markup, escape
from nbconvert.filters import strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

MAX_TEXT = 20_000  # characters of one cell or output that are shown

# Cleaning ----------------------------------------------------------------------------------------------------------------

_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+")
_TOKEN = re.compile(r"highlight|[a-z][a-z0-9]{0,2}")  # Pygments' classes; ours are all longer
_ATTRIBUTES = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "img": {"src", "alt", "title", "width", "height", "style"},
    "span": {"class"},
    "div": {"class"},
}


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The value of an allowed attribute, or None. A data: address is a picture's; an SVG in an `img` runs nothing."""
    if name == "src":
        return value if _PICTURE.fullmatch(value) else None
    if name == "href" and not re.match(r"(https?:|mailto:|#)", value, re.IGNORECASE):
        return None
    if name == "class" and not all(_TOKEN.fullmatch(word) for word in value.split()):
        return None
    return value


def clean(html: str) -> Markup:
    """HTML from anywhere, without what runs, loads, submits or covers the page."""
    return Markup(
        nh3.clean(
            html,
            attributes=_ATTRIBUTES,
            attribute_filter=_attribute,
            url_schemes={"http", "https", "mailto", "data"},
            filter_style_properties={"height", "vertical-align"},
        )
    )


# Markdown and formulas ---------------------------------------------------------------------------------------------------

# What Matplotlib's mathtext does not know, in words it does.
_SPELLINGS = (
    (r"\\[tc]frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
    (r"\\(mathcal|mathbb|mathbf|mathrm|boldsymbol)\s*([A-Za-z0-9])", r"\\\1{\2}"),
    (r"\\[tdc]frac(?![a-z])", r"\\frac"),
    (r"\\(big|Big|bigg|Bigg)[lrm]?(?![a-z])", ""),
    (r"\\([lr])vert(?![a-z])", "|"),
    (r"\\([lr])Vert(?![a-z])", r"\\Vert "),
    (r"\\(le|ge|ne)(?![a-z])", r"\\\1q"),
    (r"\\(implies|Longrightarrow)(?![a-z])", r"\\Rightarrow"),
    (r"\\(lbrace|rbrace)(?![a-z])", lambda m: r"\{" if m[1] == "lbrace" else r"\}"),
)
_MAX_FORMULA = 2000


@lru_cache(maxsize=2048)
def formula(tex: str, block: bool = False) -> str:
    """A formula as an SVG picture in an `img`, its TeX as the alt text; the TeX itself where it cannot be drawn."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    text = " ".join(tex.split())
    spelled = text
    for pattern, replacement in _SPELLINGS:
        spelled = re.sub(pattern, replacement, spelled)
    try:
        if len(text) > _MAX_FORMULA:
            raise ValueError("too long")
        path = TextPath((0, 0), f"${spelled}$", size=16, prop=FontProperties(math_fontfamily="stix"))
        box = path.get_extents()
    except Exception:  # whatever mathtext stumbles over: one formula must not cost a class its feedback
        return f"<code>{escape(text)}</code>"
    em = 1.12 / 16  # the letters of STIX are smaller than those of a page
    left, right, bottom, top = box.x0 - 1, box.x1 + 1, min(box.y0 - 1, -1), box.y1 + 1
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.2f} {-top:.2f} {right - left:.2f} {top - bottom:.2f}" '
        f'width="{right - left:.2f}" height="{top - bottom:.2f}">'
        "<style>path{fill:#1b1f24}@media(prefers-color-scheme:dark){path{fill:#e6e9ed}}</style>"
        f'<path d="{_path_data(path)}"/></svg>'
    )
    source = base64.b64encode(svg.encode()).decode()
    image = (
        f'<img alt="{escape(text)}" src="data:image/svg+xml;base64,{source}" '
        f'style="height:{(top - bottom) * em:.3f}em;vertical-align:{bottom * em:.3f}em">'
    )
    return f"<p>{image}</p>" if block else image


def _path_data(path: Any) -> str:
    letters = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}
    parts = []
    for values, code in path.iter_segments(curves=True, simplify=False):
        numbers = " ".join(f"{value if i % 2 == 0 else -value:.2f}" for i, value in enumerate(values))
        parts.append("Z" if code == 79 else letters[int(code)] + numbers)
    return "".join(parts)


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown, with formulas drawn."""

    def inline_math(self, body: str) -> str:
        return formula(body)

    def block_math(self, body: str) -> str:
        return formula(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(body if name.startswith("equation") else rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)


def markdown(source: str, attachments: dict[str, Any] | None = None) -> Markup:
    """A student's (or a TA's) Markdown as safe HTML; a very long one as it is written (reading some takes quadratic time)."""
    if len(source) > MAX_TEXT:
        return _text(source)
    renderer = _Renderer(escape=False, attachments=attachments or {}, exclude_anchor_links=True)
    return clean(MarkdownWithMath(renderer=renderer).render(source))


# Code and outputs --------------------------------------------------------------------------------------------------------


def python(source: str) -> Markup:
    """Python with its syntax coloured."""
    return Markup(highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)))


def python_style() -> Markup:
    """The colours of `python`, for light and dark."""
    light, dark = (HtmlFormatter(style=style).get_token_style_defs("pre") for style in ("xcode", "github-dark"))
    return Markup("\n".join(light) + "\n@media (prefers-color-scheme: dark) {\n" + "\n".join(dark) + "\n}")


def _text(text: str) -> Markup:
    text = strip_ansi(text)
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + f"\n… {len(text) - MAX_TEXT} more characters"
    return Markup("<pre>{}</pre>").format(text)


def _picture(kind: str, data: str) -> Markup:
    if kind == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode()
    return Markup('<img alt="Your output, a picture" src="data:{};base64,{}">').format(kind, "".join(data.split()))


def _rich(data: dict[str, Any]) -> Markup:
    """The richest form of one result that can be shown without running anything."""
    data = {kind: "".join(value) if isinstance(value, list) else value for kind, value in data.items()}
    for kind in ("image/png", "image/jpeg", "image/svg+xml"):
        if isinstance(data.get(kind), str):
            return clean(_picture(kind, data[kind]))
    if isinstance(data.get("text/html"), str):
        return clean(data["text/html"])
    for kind in ("text/markdown", "text/latex"):
        if isinstance(data.get(kind), str):
            return markdown(data[kind])
    return _text(str(data.get("text/plain", "")))


def outputs(cell: NotebookNode) -> list[Markup]:
    """The outputs of a student's own cell."""
    shown = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            shown.append(_text(output.text))
        elif output.output_type == "error":
            shown.append(_text("\n".join(output.traceback) or f"{output.ename}: {output.evalue}"))
        else:
            shown.append(_rich(output.data))
    return shown
