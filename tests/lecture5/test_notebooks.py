"""Every lecture notebook: clean in git, complete together, and true when run."""

import ast
import re
import shutil
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lecture5.execute import execute, notebooks

OFFLINE = Path(__file__).parent / "offline"
SLIDES = {f"S{i}" for i in range(1, 66)}
TOPICS = {f"L{i}" for i in range(1, 53)}
TOPICS_WITHOUT_NUMBERS = {"L16", "L19", "L20", "L39", "L41", "L52"}  # a map, surveys, cited results, a decision table

# The functions that students write in the homework, of COURSE A1 to COURSE A4.
HOMEWORK = {
    "steps_to_underflow",
    "logsumexp",
    "softmax",
    "log_softmax",
    "log_sigmoid",
    "bce_with_logits",
    "bce_with_logits_grad",
    "cross_entropy",
    "log1mexp",
    "online_logsumexp",
    "gmm_log_prob",
    "product_singular_values",
    "quarter_circle_pdf",
    "log_spectrum_qr",
    "lyapunov_exponents",
    "effective_rank",
    "init_std",
    "init_weights",
    "predicted_log10_q",
    "forward_second_moments",
    "depth_to_overflow",
    "chi_mean_std",
    "pairwise_cosines",
    "orthogonal_init",
    "sgd_step",
    "ema_momentum_step",
    "sgd_momentum_step",
    "adagrad_step",
    "rmsprop_step",
    "adam_step",
    "clip_grad_norm",
    "minibatches",
    "extend_grid_search",
    "optimal_quadratic_params",
    "swats_gamma",
    "minimum_jerk",
    "l2_penalty",
    "soft_threshold",
    "lasso_ista",
    "dropout",
    "dropout_ridge",
    "EarlyStopping",
    "gd_filter",
    "top_hessian_eigenvalue",
    "filter_normalize",
    "kth_largest_stream",
    "perceptron",
    "gradient_noise",
}

each_notebook = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
SAMPLE = "01"  # `make check` runs this one
LONGEST = ("04", "05", "07", "08", "12", "13")  # these train the most nets: `make test-all` runs them


def run_alone(path):
    """The parameter of a test that runs a notebook."""
    marks = [pytest.mark.long(100) if path.name.startswith(LONGEST) else pytest.mark.slow(100)]
    return pytest.param(
        path, id=path.stem, marks=[*marks, pytest.mark.sample] if path.name.startswith(SAMPLE) else marks
    )


def cells_and_meta(path):
    notebook = nbformat.read(path, as_version=4)
    return notebook.cells, notebook.metadata


@each_notebook
def test_is_stripped(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) <= {"kernelspec", "language_info", "lecture5"}
    assert notebook.metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert notebook.metadata.language_info == {"name": "python"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"slideshow", "tags", "jupyter"}, cell.id
        if cell.cell_type == "code":
            assert not cell.outputs, cell.id
            assert cell.execution_count is None, cell.id


@each_notebook
def test_cell_ids_are_readable_and_unique(path):
    cells, _ = cells_and_meta(path)
    ids = [cell.id for cell in cells]
    assert len(set(ids)) == len(ids)
    for cell_id in ids:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cell_id), cell_id
        assert not re.fullmatch(r"[0-9a-f]{8,}", cell_id.replace("-", "")), f"{cell_id}: looks like a random id"


@each_notebook
def test_metadata_of_notebook_and_slides(path):
    cells, metadata = cells_and_meta(path)
    meta = metadata.lecture5
    assert set(meta) == {"title", "slides", "topics", "minutes", "homework"}
    assert set(meta.slides) <= SLIDES
    assert set(meta.topics) <= TOPICS
    assert 1 <= meta.minutes <= 120
    assert meta.homework is None or re.match(r"hw[1-4]_\w+", meta.homework)
    assert cells[0].source.startswith(f"# {meta.title}")
    kinds = [cell.metadata.slideshow.slide_type for cell in cells]
    assert set(kinds) <= {"slide", "subslide", "fragment", "skip", "notes", "-"}
    assert kinds[0] == "slide"


@each_notebook
def test_answers_of_polls_are_folded_away(path):
    cells, _ = cells_and_meta(path)
    for cell in cells:
        if cell.cell_type == "code" and re.search(r"^poll\(", cell.source, flags=re.MULTILINE):
            assert cell.metadata.get("jupyter", {}).get("source_hidden"), cell.id
            assert "hide-input" in cell.metadata.get("tags", []), cell.id


def defined_names(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@each_notebook
def test_homework_is_not_solved(path):
    cells, _ = cells_and_meta(path)
    names = {name for cell in cells if cell.cell_type == "code" for name in defined_names(cell.source)}
    assert not names & HOMEWORK


def test_modules_do_not_solve_the_homework():
    folder = notebooks()[0].parent
    for module in folder.rglob("*.py"):
        assert not set(defined_names(module.read_text(encoding="utf-8"))) & HOMEWORK, module


def missing(kind, wanted):
    found = {item for path in notebooks() for item in cells_and_meta(path)[1].lecture5[kind]}
    return sorted(wanted - found, key=lambda item: int(item[1:]))


def test_every_slide_is_covered():
    gaps = missing("slides", SLIDES)
    assert not gaps, f"in no notebook: {', '.join(gaps)}"


def test_every_topic_is_covered():
    gaps = missing("topics", TOPICS)
    assert not gaps, f"in no notebook: {', '.join(gaps)}"


def slowness():
    """How much slower this machine is now than a quiet core of 2025: at least 1. Two tests side by side share a core."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(300, 300))
    start = time.process_time()
    for _ in range(60):
        matrix = np.tanh(matrix @ matrix / 30)
    sum(number * number % 7 for number in range(1_500_000))
    return max(1.0, (time.process_time() - start) / 0.25)


@pytest.mark.parametrize("path", [run_alone(path) for path in notebooks()])
def test_runs_top_to_bottom_and_shows_what_it_says(path, record_property):
    before = slowness()
    page = execute(path, python_path=[str(OFFLINE)])
    record_property("page", str(page))
    assert not page.error
    assert not page.stderr
    assert page.cpu_seconds <= 60 * max(before, slowness())  # on one core; wall-clock time depends on what else runs
    assert page.peak_mib <= 1024
    for figure in page.figures:
        assert len(figure.alt) > 40, f"{figure.cell}: an image without alt text"
    assert all(row["passed"] for row in page.rows)
    with_numbers = {row["topic"] for row in page.rows}
    assert with_numbers - {""} <= set(page.meta["topics"])
    silent = set(page.meta["topics"]) - with_numbers - TOPICS_WITHOUT_NUMBERS
    assert not silent, f"topics without a checked number: {sorted(silent)}"


def test_a_notebook_cannot_reach_the_network():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("import urllib.request\nurllib.request.urlopen('http://example.org')")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.ipynb"
        nbformat.write(notebook, path)
        page = execute(path, python_path=[str(OFFLINE)])
    assert "no network in the lecture notebooks" in page.error


@pytest.mark.slow(10)
def test_an_unzipped_kit_works_without_installation(tmp_path):
    shutil.copytree(notebooks()[0].parent, tmp_path / "lecture5", ignore=shutil.ignore_patterns("*.ipynb"))
    setup = next(c.source for c in cells_and_meta(notebooks()[-1])[0] if c.id == "setup")
    show = "import lecture5\nfrom lecture5.checks import check\ncheck('x', 1, 1)\nprint(lecture5.__file__)"
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(setup), nbformat.v4.new_code_cell(show)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    path = tmp_path / "lecture5" / "kit.ipynb"
    nbformat.write(notebook, path)
    page = execute(path)
    assert not page.error
    assert len(page.rows) == 1


def test_a_run_that_keeps_going_shows_the_numbers_after_a_failing_one(tmp_path):
    cells = [
        "from lecture5.checks import check\ncheck('wrong', 1, 2)",
        "import os\ncheck('set', int(os.environ['X']), 7)",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    path = tmp_path / "two.ipynb"
    nbformat.write(notebook, path)
    page = execute(path, settings={"X": "7"}, keep_going=True)
    assert "AssertionError" in page.error
    assert [(row["name"], row["passed"]) for row in page.rows] == [("wrong", False), ("set", True)]
    assert [row["name"] for row in execute(path, settings={"X": "7"}).rows] == ["wrong"]
