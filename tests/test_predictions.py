"""Predictions: each is asked and answered once, kept, shown beside the answer, and never graded."""

import re
import tomllib
from collections import Counter

import nbformat
import pytest

from autodiff_lib import predictions
from autodiff_lib.predictions import OTHER, STRICT, Question
from autodiff_lib.student import place
from grader.authors import authoring
from tests.laptop import TERM

NUMBER = Question("How many?", "31", {"31": "Both ways.", "5": "One way.", OTHER: "Count again."}, "number")
SHAPE = Question("Which shape?", "[2, 3]", {"[2, 3]": "", "[]": "A number.", OTHER: "Look again."}, "shape")
CHOICE = Question("Which?", "a hill", {"a hill": "Up, then down.", "flat": "Nothing moves."})
ASKED = re.compile(r'^predict\("([\w-]+)"\)', re.MULTILINE)
ANSWERED = re.compile(r'^predict\.answer\(\s*"([\w-]+)"', re.MULTILINE)


@pytest.fixture(autouse=True)
def as_a_student(monkeypatch, tmp_path):
    """Outside of JupyterLab, of a handout and of the tests of notebooks."""
    for name in (STRICT, predictions.IN_JUPYTERLAB, "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(monkeypatch):
    """A notebook with three questions."""
    monkeypatch.setattr(predictions, "questions", lambda notebook: {"calls": NUMBER, "shape": SHAPE, "curve": CHOICE})
    return lambda: predictions.of_notebook("02_evaluator")


@pytest.mark.parametrize("path", authoring.committed(), ids=lambda path: path.stem)
def test_each_prediction_of_a_notebook_is_asked_once_and_then_answered_once(path):
    notebook = nbformat.read(path, as_version=4)
    name = path.parent.name if path.parent.parent.name == "source" else path.stem
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    moments = sorted((match.start(), kind, match[1]) for kind, rule in enumerate((ASKED, ANSWERED)) for match in rule.finditer(code))
    in_order = [(kind, question) for _, kind, question in moments]
    asked = [question for kind, question in in_order if kind == 0]
    assert len(set(in_order)) == len(in_order)
    assert Counter(question for _, question in in_order) == dict.fromkeys(asked, 2)
    assert all(in_order.index((0, question)) < in_order.index((1, question)) for question in asked)
    assert set(asked) == (set(predictions.questions(name)) if asked else set())


def test_every_answer_that_can_be_given_says_what_it_would_mean():
    files = [*predictions.LECTURES.glob("*.toml"), *predictions.LECTURES.parent.glob("units/*/predictions.toml")]
    found = [(path.stem, name, Question(**said)) for path in files for name, said in tomllib.loads(path.read_text("utf-8")).items()]
    assert len(found) >= 50
    for file, name, question in found:
        assert question.right in question.meaning, (file, name)
        assert all(question.meaning.values()), (file, name)
        assert question.form == "choice" or OTHER in question.meaning, (file, name)
        assert question.form != "choice" or 3 <= len(question.choices) <= 5, (file, name)


@pytest.mark.parametrize(
    ("question", "said", "entry"),
    [
        (NUMBER, "31", "31"),
        (NUMBER, "31.0", "31"),
        (NUMBER, " 5 ", "5"),
        (NUMBER, "−5", OTHER),
        (NUMBER, "7", OTHER),
        (SHAPE, "[2, 3]", "[2, 3]"),
        (SHAPE, "2, 3", "[2, 3]"),
        (SHAPE, "(2,3)", "[2, 3]"),
        (SHAPE, "2 x 3", "[2, 3]"),
        (SHAPE, "2×3", "[2, 3]"),
        (SHAPE, "2 3", "[2, 3]"),
        (SHAPE, "[2, 3,]", "[2, 3]"),
        (SHAPE, "[]", "[]"),
        (SHAPE, "()", "[]"),
        (SHAPE, "(2,)", OTHER),
        (SHAPE, "[3, 2]", OTHER),
        (SHAPE, "[2, 3, 1]", OTHER),
        (CHOICE, "flat", "flat"),
    ],
)
def test_what_is_typed_is_read_as_people_write_it(question, said, entry):
    assert question.known(question.checked(said)) == entry


@pytest.mark.parametrize(
    ("question", "said", "told"),
    [(NUMBER, "many", "no number; write one like 12"), (SHAPE, "a row", "no shape; write one like [2, 3]"), (CHOICE, "up", "a hill; flat")],
)
def test_what_is_no_answer_is_said_with_what_would_be_one(question, said, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        question.checked(said)


@pytest.mark.parametrize("said", ["", " ", "x", "-", "[", ")", ",", "2-3", "-2", "[2, 3", "[2, 3)", "2,, 3", "[2] 3"])
def test_what_only_looks_like_a_shape_is_none(said):
    with pytest.raises(ValueError, match="is no shape"):
        SHAPE.checked(said)


def test_a_prediction_that_was_right_is_told_so_and_a_wrong_one_what_it_meant(asked, capsys):
    predict = asked()
    predict("calls")
    assert capsys.readouterr().out == 'How many?\nWrite it down: predict("calls", 12)\n'
    predict("calls", 5)
    predict("shape", (2, 3))
    assert capsys.readouterr().out == "Written down: 5. Now run on.\nWritten down: [2, 3]. Now run on.\n"
    predict.answer("calls", 31)
    assert capsys.readouterr().out == "✗ You said: 5. One way.\nAnswer: 31. Both ways.\n"
    predict.answer("shape", [2, 3])
    assert capsys.readouterr().out == "✓ As you predicted: [2, 3].\n  []: A number.\n"
    predict.answer("curve", "a hill")
    assert capsys.readouterr().out == "Answer: a hill. Up, then down.\n  flat: Nothing moves.\n"


def test_who_has_seen_the_answer_does_not_predict_it_any_more(asked, capsys):
    predict = asked()
    predict("calls", 5)
    predict.answer("calls", 31)
    capsys.readouterr()
    predict("calls", 31)
    assert "what you wrote before stays: 5" in capsys.readouterr().out
    assert predict.written == {"calls": "5"}


def test_an_answer_that_is_not_the_right_one_speaks_of_the_exercises_and_is_an_error_for_authors(asked, capsys, monkeypatch):
    asked().answer("calls", 5)
    assert capsys.readouterr().out.startswith("Here it comes out as 5, and with the course's own solutions as 31.\n")
    monkeypatch.setenv(STRICT, "1")
    with pytest.raises(AssertionError, match="calls should be '31', and the notebook says '5'"):
        asked().answer("calls", 5)


def test_in_a_handout_predictions_outlive_the_kernel(asked, tmp_path, monkeypatch, capsys):
    (tmp_path / "course.toml").write_text(f'term = "{TERM}"\n')
    there = tmp_path / "my-work" / "02_evaluator"
    there.mkdir(parents=True)
    monkeypatch.chdir(there)
    asked()("calls", 31)
    capsys.readouterr()
    again = asked()
    again("calls")
    assert capsys.readouterr().out.endswith("You wrote down: 31\n")
    again.answer("calls", 31)
    assert capsys.readouterr().out.startswith("✓ As you predicted: 31.")


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A student's folder in a handout."""
    (tmp_path / "course.toml").write_text(f'term = "{TERM}"\n')
    folder = tmp_path / "my-work" / "02_evaluator"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return place.find(folder)


def test_two_kernels_of_a_notebook_keep_the_predictions_of_both(asked, there):
    one, other = asked(), asked()
    one("calls", 5)
    other("curve", "flat")
    assert predictions.kept() == {"02_evaluator": {"calls": "5", "curve": "flat"}}


def test_nothing_is_written_into_an_instructors_folder(asked, there, tmp_path, monkeypatch):
    (tmp_path / "source").mkdir()
    monkeypatch.chdir(tmp_path / "source")
    asked()("calls", 5)
    assert not there.kept.exists()
    assert place.of_student(there.work) == place.of_student(there.work / "02_evaluator") == there
    assert place.of_student(tmp_path) is place.of_student(tmp_path.parent) is None


def test_where_nothing_can_be_written_a_prediction_counts_until_the_notebook_is_closed(asked, there, capsys):
    there.kept.write_text("a file, where a folder must be")
    predict = asked()
    predict("calls", 5)
    assert "Written down: 5. It is not kept beyond this session" in capsys.readouterr().out
    predict.answer("calls", 31)
    assert capsys.readouterr().out.startswith("✗ You said: 5.")


def test_what_is_kept_is_there_whole_or_as_it_was_before(there, monkeypatch):
    there.remember("predictions", {"a": 1})

    def torn(path, text, encoding):
        path.write_bytes(text[:3].encode())
        raise OSError("no space left")

    monkeypatch.setattr("pathlib.Path.write_text", torn)
    with pytest.raises(OSError, match="no space"):
        there.remember("predictions", {"a": 2})
    assert there.remembered("predictions") == {"a": 1}
    assert [path.name for path in there.kept.iterdir()] == ["predictions.json"]


@pytest.fixture
def form(asked, monkeypatch):
    """The form for a question, in JupyterLab: what is filled in, and what is said of it."""
    monkeypatch.setenv(predictions.IN_JUPYTERLAB, "here")
    forms, build = [], predictions.form_of
    monkeypatch.setattr(predictions, "form_of", lambda *given: forms.append(build(*given)) or forms[-1])

    def shown(name):
        asked()(name)
        _, entry, outcome = forms[-1].children
        return entry, outcome

    return shown


def test_a_form_offers_the_choices_and_keeps_the_one_that_is_clicked(form, there):
    entry, outcome = form("curve")
    assert (entry.options, entry.value, outcome.value) == (("a hill", "flat"), None, "")
    entry.value = "flat"
    assert outcome.value == "Written down: flat. Now run on."
    entry, outcome = form("curve")
    assert (entry.value, outcome.value) == ("flat", "You wrote down: flat")


def test_a_form_with_a_line_says_what_is_no_answer(form, there):
    entry, outcome = form("shape")
    entry.children[0].value = "2-3"
    assert "is no shape" in outcome.value
    entry.children[0].value = "2 x 3"
    assert outcome.value == "Written down: 2 x 3. Now run on."
    assert form("shape")[0].children[0].value == "2 x 3"


def test_a_form_says_where_nothing_can_be_written(form, there):
    entry, outcome = form("curve")
    there.kept.write_text("a file, where a folder must be")
    entry.value = "flat"
    assert "It is not kept beyond this session" in outcome.value


@pytest.mark.parametrize("kept", ["a valley", 7, None, ["flat"]])
def test_what_was_kept_and_is_no_answer_any_more_is_asked_again(form, there, kept):
    there.remember(predictions.KEPT, {"02_evaluator": {"curve": kept}})
    entry, outcome = form("curve")
    assert (entry.value, outcome.value) == (None, "")


def test_a_grader_is_asked_nothing_and_told_nothing(asked, capsys, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    predict = asked()
    predict("calls")
    predict("calls", 5)
    predict.answer("calls", 5)
    assert (capsys.readouterr().out, predict.written) == ("", {})


def test_a_page_shows_the_same_as_a_terminal_and_as_text(asked):
    told = predictions.Told(NUMBER, "31", True, "<b>7</b>")
    assert "&lt;b&gt;7&lt;/b&gt;" in told._repr_html_()
    assert "Count again." in repr(told)
    assert "<b>5</b>: One way." in told._repr_html_()


@pytest.mark.parametrize(("notebook", "name", "error"), [("09_nowhere", "calls", ValueError), ("02_evaluator", "nothing", KeyError)])
def test_an_unknown_name_is_an_error_that_names_it(notebook, name, error):
    with pytest.raises(error, match=name if error is KeyError else notebook):
        predictions.of_notebook(notebook)(name)
