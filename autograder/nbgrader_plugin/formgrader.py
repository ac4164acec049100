"""formgrader's page of one submission: what a student wrote is shown there and runs nothing.

formgrader renders `autograded/` with nbconvert's `HTMLExporter`, which hands a student's HTML and JavaScript to the TA's browser,
on the address of the TA's own Jupyter server. Here Markdown and outputs go through the same cleaning as the feedback page.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode, v4
from traitlets.config import Config

from autograder.pages.markup import markdown, outputs

# MathJax, which formgrader's page loads, would make links of its own from a formula (\href): it leaves this class alone.
_SHOWN = Markup('<div class="tex2jax_ignore">{}</div>')

# Long lines of an output are wrapped; formgrader's page would cut them off.
# MathJax comes from the network. Without one, formgrader's own script stops at its name, and no score can be entered.
_FOR_THE_PAGE = """<style>.tex2jax_ignore pre { white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere; }</style>
<script>
window.MathJax = window.MathJax || {Hub: {Startup: {signal: {Interest: told => setTimeout(() => told("End"))}}}};
</script>"""


def shown_markdown(source: str) -> Markup:
    """In the place of nbconvert's filter `markdown2html`: the formulas are pictures already."""
    return _SHOWN.format(markdown(source))


class ShowOutputs(Preprocessor):
    """The cells' outputs as HTML that does nothing but look."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        nb, resources = super().preprocess(nb, resources)
        own = v4.new_code_cell(outputs=[_html(_FOR_THE_PAGE)], metadata={"transient": {"remove_source": True}})
        nb.cells.insert(0, own)
        return nb, resources

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        if cell.cell_type == "code":
            cell.outputs = [_html(_SHOWN.format(html)) for html in outputs(cell)]
        return cell, resources


def _html(text: str) -> NotebookNode:
    output: NotebookNode = v4.new_output("display_data", data={"text/html": str(text)})
    return output


def configure_formgrader(c: Config) -> None:
    """Plug the cleaning into the configuration that formgrader's exporter is made from."""
    c.HTMLExporter.filters = {"markdown2html": "autograder.nbgrader_plugin.formgrader.shown_markdown"}
    c.HTMLExporter.preprocessors = ["autograder.nbgrader_plugin.formgrader.ShowOutputs"]
