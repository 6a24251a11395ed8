"""Pages say what a submission says, as text, and say it without a script and without a network."""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert import HTMLExporter
from nbconvert.exporters import ResourcesDict

from autodiff_lib.units import UNITS
from grader.authors import authoring
from grader.book import feedback, report
from grader.book.nbgrader_course import source
from grader.book.pages import FOR_GRADERS, in_words, preface, rubric
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
        for accent in math.select("mover > mo:last-child"):
            accent.extract()  # the hat of a letter is a ^
        assert not re.search(r"[\\&^_]", math.get_text()), tex


FOLDED = [
    (path, cell.id, cell.source)
    for path in authoring.committed()
    for cell in nbformat.read(path, as_version=4).cells
    if cell.cell_type == "markdown" and "<details" in cell.source
]


@pytest.mark.parametrize(("path", "name", "text"), FOLDED, ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "")
def test_a_folded_hint_has_its_question_outside_and_its_formulas_inside(path, name, text):
    parts = re.split(r"<details>\n<summary>(.+)</summary>\n\n", text)
    assert len(parts) > 1, "the summary is the first line of what is folded, and an empty line lets Markdown begin"
    for exporter, formulas in ((EXPORTER, r"\$[^$]+\$"), (feedback.FeedbackExporter(), "<math")):
        page = BeautifulSoup(str(exporter.markdown2html({"cell": nbformat.v4.new_markdown_cell(text)}, text)), "html.parser")
        folded = page.find_all("details")
        assert [one.summary.get_text() for one in folded] == parts[1::2]
        assert not any(one.find_parent("details") or one.find_parent("p") for one in folded), "one hint does not hold the next"
        for one, written in zip(folded, parts[2::2], strict=True):
            inside, _, behind = written.partition("\n\n</details>")
            assert len(re.findall(formulas, str(one))) == len(re.findall(r"\$\$[^$]+\$\$|\$[^$]+\$", inside))
            assert one.find("p") is not None
            assert "`" not in one.get_text()
            assert "</details>" not in behind


def test_hints_come_in_stages_that_are_numbered_from_a_question_on():
    for path, name, text in FOLDED:
        said = re.findall(r"<summary>Hint (\d+): (.+)</summary>", text)
        assert [int(number) for number, _ in said] == [*range(1, 1 + len(said))], f"{path.name}, {name}"
        assert not said or "question" in said[0][1], f"{path.name}, {name}"


@pytest.mark.parametrize("tex", [r"\frac", r"\left(", r"\begin{aligned}", r"\hspace{}", r"\genfrac", r"\begin", r"\binom\genfrac", "%"])
def test_a_formula_that_nobody_can_draw_is_shown_as_it_is(tex):
    assert feedback.formula(tex, "inline") == f"<code>{tex}</code>"


# --- the report on a class


def hostile_record(text):
    question = QuestionRecord(0, 3, "wrong", text, text, text, "no-such-mistake")
    waiting = QuestionRecord(0, 3, "unanswered", text, text, text)
    return Record(text, "01_operators", {"div": question, "sqrt": waiting}, [text], text, False, "", "", in_words=["kv_cache_written"])


IN_THE_REPORT = {
    "main", "h1", "h2", "p", "dl", "div", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td",
    "button", "span", "label", "input", "a", "script",
}  # fmt: skip


def test_the_report_has_a_policy_and_repeats_everything_as_text():
    attack = "</td></table><script>alert(1)</script><img src=x onerror=alert(1)><a href='java&#115;cript:1'>x</a> $\\href{x}{y}$"
    standing = {attack: report.Standing(attack, 3, "feedback/%3Cb%3E/page.html")}
    page = BeautifulSoup(report.page("01_operators", [hostile_record(attack), hostile_record("b")], standing), "html.parser")
    assert [meta["content"] for meta in page.find_all("meta", attrs={"http-equiv": True})] == [report.REPORT_POLICY]
    assert report.REPORT_POLICY.startswith(feedback.POLICY)
    assert {element.name for element in page.body.find_all(True)} <= IN_THE_REPORT
    assert [script.get_text() for script in page.find_all("script")] == [report.SCRIPT]
    assert {link["href"] for link in page.find_all("a")} == {"feedback/%3Cb%3E/page.html"}
    assert sum(attack in cell.get_text() for cell in page.find_all("td")) >= 5


def record_of(student, *reasons, **more):
    """A record whose exercises a, b, ... ended for these reasons."""
    questions = {}
    for name, reason in zip("abcdefgh", reasons, strict=False):
        kind, _, rest = reason.partition(" ")
        case, _, broken = (rest.partition("|")) if kind == "wrong" else ("", "", rest)
        questions[name] = QuestionRecord(
            2.0 if kind == "passed" else 0.0, 2, kind, case, f"It is off by {len(student)}.", "", "", "", broken
        )
    return Record(student, "01_operators", questions, [], "", True, "", "", **more)


def rows_of(page, heading):
    """The rows of the table under a heading, as text."""
    title = next(one for one in page.find_all("h2") if one.get_text() == heading)
    table = title.find_next("table")
    return [[cell.get_text() for cell in row.find_all("td")] for row in table.tbody.find_all("tr")]


CLASS = [
    record_of("ada", "passed", "passed", "passed"),
    record_of("grace", "passed", "wrong two rows", "missing SyntaxError: invalid syntax (line 2 of the cell)"),
    record_of("emmy-the-third", "passed", "wrong two rows", "missing IndentationError: unexpected indent (line 9 of the cell)"),
    record_of("sofia", "wrong one row", "missing", "missing NameError: name 'torhc' is not defined"),
]


def test_the_report_has_one_line_for_each_mistake_and_calls_a_syntax_error_so():
    page = BeautifulSoup(report.page("01_operators", CLASS), "html.parser")
    lines = rows_of(page, "Most common mistakes")
    assert [(line[0], line[2], line[3], line[5]) for line in lines] == [
        ("2", "b", "wrong", "grace, emmy-the-third"),
        ("1", "c", "syntax error", "grace"),
        ("1", "c", "syntax error", "emmy-the-third"),
        ("1", "a", "wrong", "sofia"),
        ("1", "c", "cell fails", "sofia"),
    ]
    assert lines[0][4].startswith("two rows: It is off by 5.")
    told = {row[0]: row[-1] for row in rows_of(page, "Students")}
    assert told == {
        "ada": "3 solved",
        "grace": "1 solved, 1 wrong, 1 syntax error",
        "emmy-the-third": "1 solved, 1 wrong, 1 syntax error",
        "sofia": "1 wrong, 1 cell fails, 1 not done",
    }


def test_the_report_counts_how_hard_an_exercise_is_and_how_well_it_tells_students_apart():
    page = BeautifulSoup(report.page("01_operators", CLASS), "html.parser")
    hard = {row[0]: (row[2], row[4]) for row in rows_of(page, "Exercises")}
    assert {name: mean for name, (mean, _) in hard.items()} == {"a": "75 %", "b": "25 %", "c": "25 %"}
    assert hard["b"][1] == "0.82"  # of (2, 0, 0, 0) with (4, 2, 2, 0)
    assert [row[1] for row in rows_of(page, "Distribution")] == ["1", "0", "0", "2", "0", "0", "0", "0", "0", "1"]


def test_where_all_have_the_same_points_nothing_is_said_of_telling_apart():
    page = BeautifulSoup(report.page("01_operators", [record_of("ada", "passed"), record_of("grace", "passed")]), "html.parser")
    assert rows_of(page, "Exercises")[0][4] == "–"


# --- the page that comes back


def marked(name, points, score, comment=None, words=False):
    """The cell of an exercise and that of its check, or of an answer in words, as nbgrader fills in scores."""
    own = {"grade_id": name, "solution": True, "grade": words, "task": False, "comment": comment}
    graded = {"points": points, "score": score}
    if words:
        return [nbformat.v4.new_markdown_cell("words", metadata={"nbgrader": {**own, **graded}})]
    check = {"grade_id": f"check_{name}", "solution": False, "grade": True, "task": False, **graded}
    return [
        nbformat.v4.new_code_cell(f"{name} = 1", metadata={"nbgrader": own}),
        nbformat.v4.new_code_cell("check()", metadata={"nbgrader": check}),
    ]


def feedback_of(*cells, **grading):
    notebook = nbformat.v4.new_notebook(cells=list(cells), metadata={"grading": {"unit": "01_operators", "version": "1.2", **grading}})
    scores = {"score": 3, "max_score": 9, "late_penalty": 0, "notebook": "operators"}
    page, _ = feedback.FeedbackExporter().from_notebook_node(notebook, ResourcesDict(nbgrader=scores))
    return BeautifulSoup(page, "html.parser")


STATED = [  # points, score, reason, said -> what stands at the top
    (2, 2, "passed", "", "✓ solved 2 / 2"),
    (2, 1.5, "wrong", "", "✗ solved in part 1.5 / 2"),
    (2, 0, "wrong", "", "✗ not solved yet 0 / 2"),
    (2, 0, "missing", "", "○ not done yet 0 / 2"),
    (2, 0, "missing", "SyntaxError: x", "✗ its cell does not run: SyntaxError: x 0 / 2"),
    (2, None, "unanswered", "the file holds no cell", "○ not graded yet: the file holds no cell – / 2"),
    (2, 1, "unanswered", "the file holds no cell", "✗ solved in part 1 / 2"),
    (2, None, "", "", "○ not graded yet: a person has to read it – / 2"),
    (0, 0, "", "", "○ no extra points 0"),
    (0, 7, "", "", "✓ extra points +7"),
]


@pytest.mark.parametrize(("points", "score", "reason", "said", "shown"), STATED)
def test_each_state_of_an_exercise_is_said_in_words(points, score, reason, said, shown):
    page = feedback_of(*marked("f", points, score), reasons={"f": reason}, said={"f": said} if said else {})
    line = page.select_one("nav li")
    assert line.a.get_text() == "f"
    assert page.find(id=line.a["href"].removeprefix("#"))
    line.a.extract()
    assert " ".join(line.get_text().split()) == shown


def test_what_is_not_solved_comes_first_and_solved_sections_are_folded():
    sections = {"one": 2, "two": 0, "three": 1, "four": 2}
    cells = [
        cell for name, score in sections.items() for cell in (nbformat.v4.new_markdown_cell(f"## About {name}"), *marked(name, 2, score))
    ]
    page = feedback_of(*cells, reasons=dict.fromkeys(sections, "wrong"))
    assert [link.get_text() for link in page.select("nav li a")] == ["two", "three", "one", "four"]
    assert [title.get_text() for title in page.select("details > summary b")] == ["About one", "About four"]
    assert {header["id"] for header in page.select("details header")} == {"one", "check_one", "four", "check_four"}


def test_a_page_without_any_verdict_says_so_and_shows_no_zero():
    page = feedback_of(
        *marked("f", 2, None), *marked("g", 3, None), reasons=dict.fromkeys("fg", "unanswered"), said=dict.fromkeys("fg", "why")
    )
    assert page.select_one("#top .total").get_text() == "Not graded yet"
    assert "0.0" not in page.get_text()
    assert page.get_text().count("That is no zero.") == 2


def test_the_page_says_when_and_by_what_it_was_graded():
    (made,) = feedback_of(*marked("f", 2, 2)).select(".made")
    assert "Unit 01_operators" in made.get_text()
    assert "by version 1.2" in made.get_text()
    assert re.search(r"written on \d{4}-\d\d-\d\d", made.get_text())


def test_the_rubric_is_for_graders_and_not_on_the_page():
    scheme = "=== BEGIN MARK SCHEME ===\n- 2 points: both terms\n=== END MARK SCHEME ==="
    cell = nbformat.v4.new_markdown_cell(rubric(f"The answer.\n\n{scheme}"), metadata={"tags": [FOR_GRADERS]})
    seen = shown(cell.source)
    assert "2 points: both terms" in seen.li.get_text()
    assert "The answer." in seen.get_text()
    assert "MARK SCHEME" not in seen.get_text()
    page = feedback_of(*marked("f", 2, None, words=True), cell)
    assert "both terms" not in page.get_text()
    assert "The answer." not in page.get_text()


def test_a_figure_says_in_words_what_it_shows():
    picture = nbformat.v4.new_output("display_data", {"image/png": "UE5H"}, metadata={"image/png": {"alt": 'a <line> "up"'}})
    page = feedback_of(nbformat.v4.new_code_cell("draw()", outputs=[picture]))
    assert page.img["alt"] == 'a <line> "up"'


def test_a_figure_that_says_nothing_of_itself_says_where_it_is_from():
    picture = nbformat.v4.new_output("display_data", {"image/png": "UE5H"})
    page = feedback_of(nbformat.v4.new_markdown_cell('## The "loss"'), nbformat.v4.new_code_cell("draw()", outputs=[picture]))
    assert page.img["alt"] == 'figure drawn by the code above it, in the section The "loss"'
