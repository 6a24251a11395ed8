"""The student's language model in a terminal: it trains, saves, stops early, writes, and says what is missing."""

import io
import shutil
from types import SimpleNamespace

import pytest
import torch

from autodiff_lib import weight_files
from autodiff_lib.student.place import SETTINGS
from autodiff_lib.units import UNITS, needed
from autodiff_lib.units.transformer_lm import __main__ as terminal
from grader.book.nbgrader_course import ROOT

UNIT = "03_transformer_lm"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def own(folder, solved, monkeypatch):
    """The solution's notebook, as the command finds it."""
    unit = SimpleNamespace(**{name: getattr(solved[UNIT], name) for name in terminal.USED})
    monkeypatch.setattr(terminal, "students_own", lambda: unit)
    return unit


def with_notebooks(folder, top):
    for name in (*needed(UNIT), UNIT):
        (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / top / name / UNITS[name].notebook, folder / name)


def test_what_is_trained_is_saved_and_writes_the_sentences(own, folder, capsys):
    assert terminal.main(["train"]) == terminal.DONE
    assert "500 epochs, loss from 3." in capsys.readouterr().out
    assert [path.name for path in folder.iterdir()] == ["weights.safetensors"]
    assert terminal.main(["--playground", "Cats sleep"]) == terminal.DONE
    first, *places = capsys.readouterr().out.splitlines()
    assert first == "cats sleep all day long"
    assert [line.partition(":")[0].strip() for line in places] == ["after cats sleep", "after cats sleep all", "after cats sleep all day"]
    assert places[0].partition(": ")[2].startswith("all 0.9")


def test_lines_are_continued_one_by_one_and_unknown_words_end_nothing(own, folder, capsys, monkeypatch):
    terminal.main(["train"])
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("rivers meet\n\nrobots dream\nstudents read"))
    assert terminal.main(["--playground"]) == terminal.DONE
    said = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert [line[:25] for line in said] == ["rivers meet below the town"[:25], "the model does not know '", "students read many old bo"]


def test_ctrl_c_saves_what_was_learned_and_further_goes_on_from_there(own, folder, capsys):
    real, calls = own.sgd_epoch, 0

    def interrupted(*given):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return real(*given)

    own.sgd_epoch = interrupted
    assert terminal.main(["train"]) == terminal.DONE
    assert "3 epochs, " in capsys.readouterr().out
    expected = own.initial_weights(own.SHAPES)
    for _ in range(5):
        expected, _ = real(own.run_model, own.x, own.y, expected, own.BATCH, own.RATE)
    terminal.main(["train", "--further", "--epochs", "2"])
    found = weight_files.load(folder / "weights.safetensors", own.SHAPES, own.ABOUT)
    assert all(torch.equal(found[name], expected[name]) for name in own.SHAPES)


def test_ctrl_c_before_the_first_epoch_saves_nothing(own, folder):
    def at_once(*given):
        raise KeyboardInterrupt

    own.sgd_epoch = at_once
    assert terminal.main(["train"]) == terminal.STOPPED
    assert list(folder.iterdir()) == []


def test_a_loss_that_is_no_number_ends_the_training_and_nothing_is_saved(own, folder, capsys):
    own.sgd_epoch = lambda run_model, x, y, weights, batch_size, learning_rate: (weights, float("nan"))
    assert terminal.main(["train"]) == terminal.COULD_NOT
    assert "the loss of epoch 1 is nan, and nothing was saved" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--playground", "cats"], "run this with `train` once"),
        (["train", "--further"], "run this with `train` once"),
        (["train", "--weights", "nowhere/w"], "there is no folder"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(own, folder, capsys, words, said):
    assert terminal.main(words) == terminal.COULD_NOT
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "said"),
    [(".", "is a folder: name a file in it"), ("nowhere/w", "there is no folder"), ("w" * 252, "nothing can be written to")],
)
def test_where_nothing_can_be_saved_no_epoch_is_trained(own, folder, capsys, target, said):
    epochs = []
    own.sgd_epoch = lambda *given: epochs.append(given)
    assert terminal.main(["train", "--weights", target]) == terminal.COULD_NOT
    assert said in capsys.readouterr().err
    assert epochs == list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["EPOCHS", "BATCH", "RATE"])
def test_a_notebook_without_one_of_its_numbers_is_told_which(folder, solved, monkeypatch, capsys, name):
    unit = SimpleNamespace(**{**vars(solved[UNIT])})
    delattr(unit, name)
    monkeypatch.setattr(terminal.course, "load", lambda wanted: unit)
    assert terminal.main(["train"]) == terminal.COULD_NOT
    assert f"does not define {name}:" in capsys.readouterr().err


@pytest.mark.parametrize("epochs", ["0", "-3", "many"])
def test_a_number_of_epochs_that_is_none_is_refused(own, epochs, capsys):
    with pytest.raises(SystemExit):
        terminal.main(["train", "--epochs", epochs])
    assert "--epochs" in capsys.readouterr().err


def test_weights_of_another_vocabulary_are_refused(own, folder, capsys):
    weight_files.save(folder / "weights.safetensors", own.initial_weights(own.SHAPES), {**own.ABOUT, "words": ["<pad>", "zebras"]})
    assert terminal.main(["--playground", "cats"]) == terminal.COULD_NOT
    assert "'zebras' at place 1, expected 'above'" in capsys.readouterr().err


def test_a_notebook_with_exercises_to_do_is_named_with_what_it_lacks(folder, fresh_table, capsys):
    with_notebooks(folder, "release")
    assert terminal.main(["train"]) == terminal.COULD_NOT
    said = capsys.readouterr()
    assert "causal_self_attention: not done yet" in said.out
    assert "does not define" in said.err
    assert "logits_of" in said.err, "its cell builds the model at once"


def test_no_notebook_is_said_with_the_places_that_were_looked_at(folder, fresh_table, capsys):
    assert terminal.main(["train"]) == terminal.COULD_NOT
    assert f"{folder / '01_operators'}" in capsys.readouterr().err


def test_inside_a_handout_the_students_copy_is_found_from_any_folder(folder, monkeypatch):
    (folder / SETTINGS).write_text("")
    with_notebooks(folder / "my-work", "release")
    for here, there in ((folder, folder / "my-work"), (folder / "my-work" / UNIT, folder / "my-work" / UNIT)):
        monkeypatch.chdir(here)
        assert terminal.folder_of_units() == there
