"""The pages we write: Jinja2 templates, with autoescape for HTML, and the style that all HTML pages share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).parent


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["style"] = Markup((FOLDER / "page.css").read_text(encoding="utf-8"))
    environment.filters |= {"points": points, "percent": percent}
    return environment


def points(value: float) -> str:
    """A score as people write it: 3, 2.5, 0.25.

    >>> points(2.0), points(1 / 3)
    ('2', '0.33')
    """
    return f"{round(float(value), 2):g}"


def percent(share: float) -> str:
    """A share of a whole.

    >>> percent(0.884)
    '88 %'
    """
    return f"{100 * share:.0f} %"


def page(template: str, **values: Any) -> str:
    """One self-contained HTML page. Everything that is not `Markup` is escaped."""
    return _environment().get_template(template).render(**values)


def text_page(template: str, **values: Any) -> str:
    """A page of plain text or Markdown, from values that are our own: nothing is escaped."""
    return _environment().overlay(autoescape=False).get_template(template).render(**values)
