"""Pages say what a submission says, as text, and say it without a script and without a network."""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert import HTMLExporter

from autodiff_lib.units import UNITS
from grader.book import feedback, report
from grader.book.nbgrader_course import source
from grader.book.pages import in_words, preface
from grader.classes.records import QuestionRecord, Record
from grader.submission.engine import Result

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
    "https://192.0.2.1/ someone@example.org",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\newcommand{\h}[2]{\href{#1script:alert(1)}{#2}} \h{java}{x}$",
    r"$\require{html} \class{x}{y}$",
    r"\\(\href{javascript:alert(1)}{x}\\) and \(\unicode{x41}\)",
    "\\begin{equation}\n\n\\href{x}{y}\\end{equation}",
    "```\n</code></pre><script>1</script>\n```",
    "# 3 of 3 points\n\n</pre></blockquote>\n\n<h1>3 of 3 points</h1>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#36;x&#36;",
]
PIECES = [*HOSTILE, "\n\n", "$", "$$", "`", "<", "&", "*a*", "_b_", "- ", "> ", "    ", "\\", "é"]


EXPORTER = HTMLExporter(template_name="basic")


def shown(text):
    """As nbconvert's own template shows a Markdown cell; nbgrader's formgrader does the same."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    page, _ = EXPORTER.from_notebook_node(notebook)
    return BeautifulSoup(page, "html.parser")


def assert_typed(text):
    page = shown(in_words(text))
    body = page.select_one(".tex2jax_ignore > blockquote > pre")
    assert body.get_text() == text
    assert {element.name for element in page.find_all(True)} == {"div", "p", "strong", "blockquote", "pre"}
    assert page.find("strong").get_text() == "What the student wrote:"


@pytest.mark.parametrize("text", HOSTILE)
def test_an_answer_in_words_is_shown_as_it_was_typed(text):
    assert_typed(text)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join))
def test_no_order_of_pieces_is_read_as_markdown_html_or_a_formula(text):
    if text.strip():
        assert_typed(text)


def test_an_empty_answer_says_so():
    assert shown(in_words(" \n")).get_text().strip() == "Nothing was written here."


def result(repairs=(), problem="", jailed=True):
    return Result("01_operators", {}, [*repairs], [], jailed, problem)


def test_what_is_said_of_a_submission_is_text():
    repairs = [f"a file named {text}" for text in HOSTILE]
    page = shown(preface(result(repairs, HOSTILE[0], jailed=False)))
    assert [item.get_text() for item in page.select(".tex2jax_ignore li")] == repairs
    assert page.find("b").get_text() == f"Nothing could be graded: {HOSTILE[0]}."
    assert {element.name for element in page.select_one(".tex2jax_ignore").find_all(True)} == {"p", "b", "ul", "li"}
    assert shown(preface(result())).get_text().strip() == "The notebook was graded as it was submitted."


# --- formulas of ours


def formulas(text):
    return re.findall(r"(?s)\$\$.*?\$\$|\$[^$\n]+\$", text)


def test_every_formula_of_the_units_can_be_drawn_without_a_script():
    exporter = feedback.FeedbackExporter()
    known = [formula for unit in UNITS for cell in source(unit).cells if cell.cell_type == "markdown" for formula in formulas(cell.source)]
    assert len(known) > 100
    for tex in known:
        (math,) = BeautifulSoup(exporter.markdown2html({}, tex), "html.parser").find_all("math")
        assert math["display"] == ("block" if tex.startswith("$$") else "inline")
        assert not re.search(r"[\\&^_]", math.get_text()), tex


@pytest.mark.parametrize("tex", [r"\frac", r"\left(", r"\begin{aligned}", r"\hspace{}", r"\genfrac", r"\begin", r"\binom\genfrac", "%"])
def test_a_formula_that_nobody_can_draw_is_shown_as_it_is(tex):
    assert feedback.formula(tex, "inline") == f"<code>{tex}</code>"


# --- the report on a class


def hostile_record(text):
    question = QuestionRecord(0, 3, "wrong", text, text, text, "no-such-mistake")
    waiting = QuestionRecord(0, 3, "unanswered", text, text, text)
    return Record(text, "01_operators", {"div": question, "sqrt": waiting}, [text], text, False, "", "", in_words=["kv_cache_written"])


def test_the_report_has_a_policy_and_repeats_everything_as_text():
    attack = "</td></table><script>alert(1)</script><img src=x onerror=alert(1)><a href='java&#115;cript:1'>x</a> $\\href{x}{y}$"
    page = BeautifulSoup(report.page("01_operators", [hostile_record(attack), hostile_record("b")]), "html.parser")
    assert [meta["content"] for meta in page.find_all("meta", attrs={"http-equiv": True})] == [feedback.POLICY]
    assert {element.name for element in page.body.find_all(True)} <= {"h1", "h2", "p", "table", "tr", "th", "td", "img"}
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.find_all("img"))
    assert sum(cell.get_text() == attack for cell in page.find_all("td")) >= 5
