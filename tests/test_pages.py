"""What students write in words is shown to others: nothing in it may run, link or load, and its formulas must still read."""

import nbformat
import pytest
from nbconvert import HTMLExporter

from grader.pages import harmless

HOSTILE = [
    "[a](javascript:alert(1))",
    "[a](javajavascript:script:alert(1))",
    "[a](java&#115;cript:alert(1))",
    "[a](javascript&colon;alert(1))",
    "[a][b]\n\n[b]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![a](http://192.0.2.1/pixel.png)",
    "[a](data:text/html,alert)",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\newcommand{\h}[2]{\href{#1script:alert(1)}{#2}} \h{java}{x}$",
    r"$\require{html} \class{x}{y}$",
]


def shown(text: str) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    return page


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_student_writes_in_words_runs_links_or_loads(text):
    page = shown(harmless(text))
    for sign in ("<script", "<img", '<a href="java', '<a href="data', "\\href", "\\newcommand", "\\require", "\\class"):
        assert sign not in page, page


def test_formulas_lists_and_code_are_still_readable():
    page = shown(harmless("1. It costs $n D^2 + \\sum_i x_{i}$, and `a < b` holds.\n2. **All** of it: a[0] & b."))
    assert r"\sum_i x_{i}" in page
    assert "<strong>All</strong>" in page
    assert page.count("<li>") == 2
    assert "a[0] &amp; b" in page.replace("&#91;", "[").replace("&#93;", "]")
