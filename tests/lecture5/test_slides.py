"""Slides that an instructor can show without a network."""

import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lecture5 import slides
from lecture5.execute import notebooks

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

FIGURE = """
import matplotlib.pyplot as plt
from lecture5 import figures
fig, ax = plt.subplots(figsize=(7.4, 3))
ax.plot([0, 1], label="a line")
figures.show(fig, "A line from 0 to 1, for the test.")
"""
POLL = 'from lecture5.polls import poll\npoll("One and one?", ["2", "3"], answer="2", why={"2": "Yes.", "3": "No."})'


def cell(make, source, kind, **metadata):
    return make(source, metadata={"slideshow": {"slide_type": kind}, **metadata})


@pytest.fixture(scope="module")
def pieces():
    try:
        return slides.offline_pieces()
    except RuntimeError as error:
        pytest.skip(f"the packages with reveal.js and MathJax are not here and cannot be fetched: {error}")


@pytest.fixture(scope="module")
def deck(pieces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deck")
    hidden = {"tags": ["hide-input"]}
    notebook = new_notebook(
        cells=[
            cell(new_markdown_cell, "# First slide\n\nInline $\\sqrt{n}$ and\n\n$$\\frac{a}{b} < c$$", "slide"),
            cell(new_code_cell, "secret = 'skipped cell'", "skip"),
            cell(new_code_cell, POLL, "fragment", **hidden),
            cell(new_code_cell, FIGURE, "subslide", **hidden),
            cell(new_code_cell, "shown_input = 1", "slide"),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, folder / "deck.ipynb")
    page = folder / "deck.html"
    page.write_text(slides.slides(slides.run(folder / "deck.ipynb"), "A deck"), encoding="utf-8")
    return page


@pytest.mark.slow(15)
def test_only_what_belongs_on_a_slide(deck):
    body = deck.read_text(encoding="utf-8").partition('<div class="slides">')[2]
    assert "skipped cell" not in body
    assert "from lecture5.polls" not in body
    assert "plt.subplots" not in body
    assert "shown_input" in body
    assert "A line from 0 to 1, for the test." in body  # the alt text of the figure
    assert "In&nbsp;[" not in body


@pytest.mark.slow(15)
def test_nothing_is_linked(deck):
    text = deck.read_text(encoding="utf-8")
    assert not re.findall(r"<link\b[^>]*>", text)
    assert not re.findall(r"<script[^>]*\bsrc=", text)
    assert not re.findall(
        r"@import|url\((?!['\"]?(?:data:|#))", re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    )


@pytest.mark.slow(15)
@pytest.mark.browser
def test_shows_without_a_network(deck):
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine: install the package chromium to see the slides tested")
    from playwright.sync_api import sync_playwright

    asked, errors = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(deck.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        page.evaluate("MathJax.startup.promise")
        assert page.evaluate("Reveal.getTotalSlides()") == 3
        assert page.locator(".slides mjx-container > svg").count() == 2
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
        assert page.locator("mjx-container").first.is_visible()
        assert "$" not in page.locator("section.present p").first.inner_text()
        assert not page.locator(".fragment.visible").count()
        page.keyboard.press("ArrowRight")  # the poll comes as a fragment
        option = page.locator(".fragment.visible details").first
        option.locator("summary").click()
        assert option.get_by_text("Right.").is_visible()
        page.keyboard.press("ArrowDown")
        picture = page.locator("section.present img").first
        assert picture.is_visible()
        assert picture.bounding_box()["width"] > 600
        assert page.evaluate("document.querySelector('section.present img').naturalWidth") >= 740
        browser.close()
    assert [url for url in asked if not url.startswith("data:")] == [deck.as_uri()]
    assert not errors


def test_a_package_that_is_not_the_expected_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(slides, "ASSETS", tmp_path)
    wheel = slides.Wheel("some-package", "1.0", "0" * 64)
    wheel.path.write_bytes(b"something else")
    with pytest.raises(RuntimeError, match="is not the file expected"):
        wheel.fetch()


def test_an_unknown_number_is_told(capsys):
    with pytest.raises(SystemExit):
        slides.main(["77"])
    assert f"there are {notebooks()[0].name[:2]}, " in capsys.readouterr().err


def test_every_notebook_has_slides_of_its_own():
    for path in notebooks():
        kinds = [c.metadata.slideshow.slide_type for c in nbformat.read(path, as_version=4).cells]
        assert kinds.count("slide") >= 4, path.name
        assert "subslide" in kinds, path.name
