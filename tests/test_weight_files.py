"""Weights in files: what is saved comes back, what is of another model is refused with all that differs, and nothing is run."""

import json
import pickle
import struct

import pytest
import torch
from safetensors import SafetensorError

from autodiff_lib import weight_files

SHAPES = {"W_embed": (3, 2), "bias": (2,), "scale": ()}
ABOUT = {"model": "03", "context": 5, "words": ["<pad>", "cats", "owls"]}
random = torch.Generator().manual_seed(0)
WEIGHTS = {name: torch.randn(shape, generator=random, dtype=torch.float64) for name, shape in SHAPES.items()}


@pytest.fixture
def path(tmp_path):
    weight_files.save(tmp_path / "weights.safetensors", WEIGHTS, ABOUT)
    return tmp_path / "weights.safetensors"


def test_what_was_saved_comes_back_to_the_last_bit_and_in_the_order_asked_for(path):
    shapes = dict(reversed(SHAPES.items()))
    found = weight_files.load(path, shapes, ABOUT)
    assert list(found) == list(shapes)
    for name, value in WEIGHTS.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


def test_views_and_weights_that_are_one_tensor_are_saved_as_numbers_of_their_own(tmp_path):
    turned = WEIGHTS["W_embed"].T
    weight_files.save(tmp_path / "w", {"one": turned, "other": turned}, {})
    found = weight_files.load(tmp_path / "w", {"one": (2, 3), "other": (2, 3)}, {})
    assert torch.equal(found["one"], turned)
    assert torch.equal(found["other"], turned)


def test_the_header_is_json_that_says_what_the_numbers_are_about(path):
    (length,) = struct.unpack("<Q", path.read_bytes()[:8])
    header = json.loads(path.read_bytes()[8 : 8 + length])
    assert {name: json.loads(text) for name, text in header.pop("__metadata__").items()} == ABOUT
    assert {name: tuple(entry["shape"]) for name, entry in header.items()} == SHAPES


@pytest.mark.parametrize(
    ("shapes", "about", "said"),
    [
        ({**SHAPES, "bias": (3,)}, ABOUT, r"its bias has shape \(2,\), expected \(3,\)"),
        ({**SHAPES, "W_Q": (2, 2)}, ABOUT, "it has no W_Q"),
        ({"bias": (2,)}, ABOUT, "it has W_embed, scale besides"),
        (SHAPES, {**ABOUT, "context": 8}, "its context is 5, expected 8"),
        (SHAPES, {**ABOUT, "words": ["<pad>", "dogs", "owls"]}, "its words has 'cats' at place 1, expected 'dogs'"),
        (SHAPES, {**ABOUT, "words": ["<pad>", "cats"]}, "its words has 'owls' at place 2, expected nothing more"),
        (SHAPES, {**ABOUT, "norm": "before"}, "it does not say its norm"),
    ],
)
def test_a_file_of_another_model_is_refused_with_what_differs(path, shapes, about, said):
    with pytest.raises(ValueError, match=f"of another model: {said}"):
        weight_files.load(path, shapes, about)


def test_all_that_differs_is_said_at_once(path):
    with pytest.raises(ValueError, match=r"its context is 5, expected 8; its bias has shape"):
        weight_files.load(path, {**SHAPES, "bias": (3,)}, {**ABOUT, "context": 8})


class Evil:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.parametrize("content", [b"", b"no weights", pickle.dumps(Evil()), struct.pack("<Q", 2**60) + b"{}"])
def test_what_is_no_file_of_weights_is_named_and_nothing_in_it_is_run(tmp_path, content, capsys):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ValueError, match="is no file of weights"):
        weight_files.load(tmp_path / "w", SHAPES, ABOUT)
    assert capsys.readouterr().out == ""


def test_a_file_that_was_cut_off_is_no_file_of_weights(path):
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="is no file of weights"):
        weight_files.load(path, SHAPES, ABOUT)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there are no weights in .*nowhere"):
        weight_files.load(tmp_path / "nowhere", SHAPES, ABOUT)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere/w", "there is no folder .*nowhere: make it, or name another file"),
        ("", "is a folder: name a file in it"),
        ("w" * 252, "nothing can be written to .*w: .*name too long"),
    ],
    ids=["no folder", "a folder", "refused by the system"],
)
def test_where_nothing_can_be_saved_it_is_said_and_nothing_is_left_behind(tmp_path, name, said):
    for refused in (weight_files.check_place, lambda path: weight_files.save(path, WEIGHTS, ABOUT)):
        with pytest.raises(ValueError, match=f"(?i){said}"):
            refused(tmp_path / name)
        assert list(tmp_path.iterdir()) == []
    assert [entry.name for entry in tmp_path.parent.iterdir() if entry.name.endswith(".part")] == []


@pytest.mark.parametrize("error", [SafetensorError("I/O error: No space left"), OSError(28, "No space left")])
def test_a_disk_that_is_full_is_named_and_what_was_saved_before_stays(path, monkeypatch, error):
    def full(weights, file, about):
        file.write_bytes(b"half")
        raise error

    before = path.read_bytes()
    monkeypatch.setattr(weight_files, "save_file", full)
    with pytest.raises(ValueError, match="nothing can be written to .*weights.safetensors: .*No space left"):
        weight_files.save(path, WEIGHTS, ABOUT)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_asking_whether_something_can_be_saved_changes_nothing(path):
    before = path.read_bytes()
    weight_files.check_place(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_weights_that_have_run_away_are_not_saved_over_good_ones(path):
    before = path.read_bytes()
    with pytest.raises(ValueError, match="bias is not finite everywhere"):
        weight_files.save(path, {**WEIGHTS, "bias": torch.tensor([1.0, float("nan")])}, ABOUT)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
