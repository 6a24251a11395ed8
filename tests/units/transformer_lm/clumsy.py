"""The language model in the hands of honest people."""

from __future__ import annotations

import copy

import nbformat
from nbformat import NotebookNode

from tests.clumsy.submissions import LM, append, at, edit, insert, mangled, position


@mangled(LM, repairs=("setup cell",))
def language_model_without_words(notebook):
    """The setup cell of unit 3 has lost half of its lines and ends in an error, and the cell with the words is gone."""
    at(notebook, "setup").source = "import math\nimport torch\nfrom tqdm.notebook import tqdm_missing\nimport autodiff_lib as ad"
    del notebook.cells[position(notebook, "words")]


@mangled(LM)
def bonus_deleted(notebook):
    """The cell for the bonus was deleted."""
    del notebook.cells[position(notebook, "kv_cache_written")]


@mangled(LM)
def bonus_as_code(notebook):
    """The cell for the bonus was turned into code, filled with words, and copied; a copy has another name."""
    one = at(notebook, "kv_cache_written")
    one.cell_type, one.source = "code", "Without a cache: n D^2 for the products, and n^2 D for the scores."
    one.metadata = NotebookNode({"nbgrader": {**one.metadata.nbgrader}})
    other = copy.deepcopy(one)
    other.metadata.nbgrader.grade_id = "kv_cache_written_2"
    other.cell_type, other.source = "markdown", "With a cache:\n\n    def step(): ..."
    notebook.cells.insert(position(notebook, "kv_cache_written"), other)


@mangled(LM)
def bonus_with_a_picture(notebook):
    """The bonus holds a drawing as a data URI of 200 000 characters, and the code of an exercise."""
    one = at(notebook, "kv_cache_written")
    code = "\n".join(f"    {line}" for line in at(notebook, "generate").source.splitlines())
    one.source = f"As in\n\n{code}\n\na step costs O(n D^2).\n\n![drawing](data:image/png;base64,{'iVBO' * 50_000})"


@mangled(LM)
def language_model_called_by_keyword(notebook):
    """Solutions of unit 3 call each other by keyword, return tuples, and print what they see."""
    edit(
        notebook,
        "decoder_layer",
        "causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim)",
        "causal_self_attention(X=X, W_V=W_V, W_K=W_K, W_Q=W_Q, W_O=W_O, model_dim=model_dim, mask=mask)",
    )
    edit(notebook, "generate", "    return tokens", "    print(tokens, weights)\n    return tuple(tokens)")
    edit(notebook, "generate", "int(logits_of(tokens, weights)", "int(logits_of(weights=weights, tokens=tokens)")
    edit(notebook, "generate", "logits_of(weights=weights, tokens=tokens)", "logits_of(tokens, weights=weights)")
    edit(notebook, "sgd_epoch", "weights, total / len(x)", "dict(reversed(weights.items())), torch.tensor(total / len(x))")
    edit(notebook, "sgd_epoch", "total += float(loss)", "print('loss', loss, grads)\n        total += float(loss)")


@mangled(LM)
def language_model_names_used_again(notebook):
    """Cells of their own, at the end, use W, text, mask, D, V, x, tokens and logits_of for other things."""
    append(
        notebook,
        "check_generate",
        """
        W, mask, D, V, x = torch.ones(2, 2), None, 3, "V", 0
        text = "a longer text"
        tokens = text.split()
        logits_of = generate
        CONTEXT = 0
        """,
    )


@mangled(LM)
def language_model_beside_torch(notebook):
    """Cells of their own compare with torch's layers and autograd, which they import as F, and edit an experiment into an error."""
    append(
        notebook,
        "check_generate",
        """
        import torch.nn.functional as F
        from torch import nn, optim

        model = nn.Linear(4, 4)
        relu, log = F.relu(torch.ones(3)), F.log_softmax(torch.ones(3), dim=0)
        W = nn.Parameter(torch.ones(3))
        (W * relu).sum().backward()
        """,
    )
    at(notebook, "pytorch").source += "\nloss.backward()\nW_embed.grad"
    at(notebook, "no-scale").source = "scaled = curve(task_x, task_y, last, dim=96, learning_rate=\nfigures."
    edit(notebook, "train-run", "initial_weights(SHAPES)", "initial_weights(SHAPES), epochs=3")


@mangled(LM, causal_self_attention=10)
def language_model_with_one_ready_made_block(notebook):
    """One exercise of unit 3 uses torch's layers; the others call it, which costs them nothing."""
    one = at(notebook, "causal_self_attention")
    one.source = one.source.replace("    Q, K, V", "    import torch.nn.functional as F\n    extra = F.softmax\n    Q, K, V")


@mangled(LM)
def language_model_in_pieces(notebook):
    """Exercises of unit 3 are split over cells in the middle of a function, drawings and comparisons stand below the code."""
    one = at(notebook, "generate")
    cut = one.source.index("    return tokens")
    one.source, rest = one.source[:cut].rstrip(), one.source[cut:]
    notebook.cells.insert(position(notebook, "generate") + 1, nbformat.v4.new_code_cell(rest))
    at(notebook, "sgd_epoch").source += "\n\n\nplt.plot(range(10))\nplt.show()\ntqdm.write(losses[0])"
    at(notebook, "decoder_layer").source += "\n\n\nfigures.draw_graph([decoder_layer(*arguments)])"
    insert(notebook, "generate", "%matplotlib inline\n%time print('hello')")
