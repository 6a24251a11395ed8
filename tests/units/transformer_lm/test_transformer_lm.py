"""Unit 3: the twin, the questions and their tasks, what may cost points where, and the words that go in and come out."""

# ruff: noqa: N803, N806 - X and W, as in the formulas

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import checks, text
from autodiff_lib.checks import probe
from autodiff_lib.checks.judge import problem_of
from autodiff_lib.checks.question import Ask, Question, Verdict
from autodiff_lib.kinds.graph_function.judge import BUILD, twin
from autodiff_lib.kinds.graph_function.task import TaskCase
from autodiff_lib.units.transformer_lm import cases
from autodiff_lib.units.transformer_lm.cases import ModelCase
from autodiff_lib.units.transformer_lm.truth import FUNCTIONS
from grader.authors.catalogue import MISTAKES
from grader.units.transformer_lm.hidden import SIZES
from tests import corpora
from tests.asking import questions_of

UNIT = "03_transformer_lm"
EXERCISES = ["causal_self_attention", "decoder_layer", "transformer_lm", "cross_entropy_loss", "sgd_epoch", "generate"]
SEEDS = corpora.one_of_today(["some secret", "another", "the third"])


def in_a_notebook(solved, cells: dict[str, str]) -> dict[str, object]:
    """All exercises of the unit, run one after the other in a notebook in which the units before are solved."""
    scope = dict(solved[UNIT].__dict__)
    for name in EXERCISES:
        exec(compile(cells[name], f"<{name}>", "exec"), scope)
    return scope


def write(solved, solution_cells, **answers: str) -> None:
    """The solution of unit 3 with some of its cells written otherwise."""
    in_a_notebook(solved, {**solution_cells[UNIT], **answers})


def edited(cell: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert old in cell
        cell = cell.replace(old, new)
    return cell


def head_of(cell: str) -> str:
    """The decorator and the first line of the function in a solution cell."""
    return "\n".join(line for line in cell.splitlines() if line.startswith(("@", "def ")))


def verdict_on(exercise: str, seed: str = "public") -> Verdict:
    return checks.verdict(questions_of(UNIT, seed)[exercise])


def without_tasks(question: Question) -> Question:
    return replace(
        question,
        parts=tuple(replace(part, cases=tuple(case for case in part.cases if not isinstance(case, TaskCase))) for part in question.parts),
    )


def lost(verdict: Verdict) -> dict[str, str]:
    """Part -> why it lost its points."""
    return {part.part: f"{part.failure.case}: {part.failure.message}" for part in verdict.parts if part.failure is not None}


# --- the twin


def slow_softmax(scores):
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def slow_norm(row):
    mean = sum(row) / len(row)
    variance = sum((entry - mean) ** 2 for entry in row) / len(row)
    return np.array([(entry - mean) / math.sqrt(variance + 1e-5) for entry in row])


def slow_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim):
    """Sentence by sentence, word by word, in numpy."""
    result = np.zeros((*X.shape[:2], W_O.shape[1]))
    for b, t in itertools.product(*map(range, X.shape[:2])):
        query = X[b, t] @ W_Q
        scores = [sum(query * (X[b, s] @ W_K)) / math.sqrt(model_dim) + mask[t, s] for s in range(X.shape[1])]
        for s, weight in enumerate(slow_softmax(scores)):
            result[b, t] += weight * (X[b, s] @ W_V @ W_O)
    return result


def slow_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim):
    attended, result = slow_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim), np.zeros_like(X)
    for b, t in itertools.product(*map(range, X.shape[:2])):
        h = slow_norm(X[b, t] + attended[b, t])
        hidden = [max(0.0, entry) for entry in h @ W_ff1]
        result[b, t] = slow_norm(h + np.array(hidden) @ W_ff2)
    return result


def slow_model(tokens, positions, W_embed, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, W_head, mask, model_dim):
    X = np.array([[W_embed[int(np.argmax(word))] + positions[t] for t, word in enumerate(sentence)] for sentence in tokens])
    return slow_layer(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim) @ W_head


def slow_loss(logits, targets, num_tokens):
    total = 0.0
    for b, t in itertools.product(*map(range, logits.shape[:2])):
        total -= math.log(slow_softmax(list(logits[b, t]))[int(np.argmax(targets[b, t]))])
    return np.array(total / num_tokens)


SLOW = {
    "causal_self_attention": slow_attention,
    "decoder_layer": slow_layer,
    "transformer_lm": slow_model,
    "cross_entropy_loss": slow_loss,
}


ALL_SIZES = (cases.SMALL, cases.EQUAL, cases.NARROW, cases.WIDE, cases.LONG)


@pytest.mark.parametrize("mask", ["causal", "open", "odd", "soft"])
@pytest.mark.parametrize("function", SLOW)
def test_the_twin_does_what_plain_loops_do(function, mask):
    for case in cases.model_cases(function, ALL_SIZES, ("causal", mask)):
        values = [value.numpy() for value in case.values().values()]
        fast = twin(case, case.values()).numpy()
        np.testing.assert_allclose(fast, SLOW[function](*values, case.number), rtol=1e-10, atol=1e-12)


def test_sizes_are_pairwise_different_in_most_cases_and_all_equal_in_one():
    for size in (cases.NARROW, cases.WIDE, cases.LONG, *SIZES):
        assert len(set(size.values())) == len(size)
    assert len(set(cases.EQUAL.values())) == 1
    for seed in ("public", *SEEDS):
        for function in FUNCTIONS:
            asked = [case.sizes for part in questions_of(UNIT, seed)[function].parts for case in part.cases if isinstance(case, ModelCase)]
            assert cases.EQUAL in asked
            assert cases.NARROW in asked


# --- the solution


@pytest.mark.parametrize("seed", ["public", *SEEDS])
def test_the_solution_earns_all_45_points(seed, solved):
    verdicts = [checks.verdict(question) for question in questions_of(UNIT, seed).values()]
    assert [(verdict.question, lost(verdict)) for verdict in verdicts] == [(name, {}) for name in EXERCISES]
    assert [verdict.points for verdict in verdicts] == [10, 5, 5, 5, 10, 10]


def test_no_secret_makes_the_solution_fail(solved):
    for secret in corpora.secrets_of_today():
        for question in questions_of(UNIT, secret).values():
            assert lost(checks.verdict(without_tasks(question))) == {}, (secret, question.name)


def test_nothing_written_earns_nothing(fresh_table):
    for question in questions_of(UNIT).values():
        verdict = checks.verdict(question)
        assert (verdict.points, verdict.reason) == (0, "missing")


LAZY = {
    "causal_self_attention": ["return X", "return 0 * X", "return ad.ones_like(X)", "return X @ W_Q", "return X @ W_V @ W_O"],
    "decoder_layer": [
        "return X",
        "return 0 * X",
        "return ad.layernorm(X, (model_dim,))",
        "return causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim)",
    ],
    "transformer_lm": ["return tokens", "return ad.zeros_like(tokens)", "return tokens * 0 + 1"],
    "cross_entropy_loss": [
        "return ad.sum_op(logits * 0, dim=(0, 1, 2))",
        "return logits",
        "return ad.log(ad.sum_op(ad.ones_like(logits), dim=(0, 1, 2)) / num_tokens)",
    ],
    "sgd_epoch": ["return weights, 0.0", "run_model(x[:0], y[:0], weights)\n    return weights, 0.0"],
    "generate": [
        "return list(prompt)",
        "return []",
        "return prompt + [1] * max_new_tokens",
        "return prompt + [1] * min(max_new_tokens, CONTEXT - len(prompt))",
    ],
}


@pytest.mark.parametrize(("exercise", "line"), [(exercise, line) for exercise, lines in LAZY.items() for line in lines])
def test_a_lazy_answer_earns_nothing(exercise, line, solved, solution_cells):
    write(solved, solution_cells, **{exercise: f"{head_of(solution_cells[UNIT][exercise])}\n    {line}\n"})
    verdict = verdict_on(exercise)
    assert (verdict.points, verdict.reason) == (0, "wrong")


def test_sentences_known_by_heart_are_worth_nothing(solved, solution_cells):
    write(solved, solution_cells, generate=MISTAKES["generate-by-heart"].cell(solution_cells[UNIT]["generate"]))
    assert {verdict_on("generate", seed).points for seed in ("public", *SEEDS)} == {0}


# --- what costs points where


RAISES = '    raise RuntimeError("this block is broken")\n'
WRONG = {
    "causal_self_attention": "    return X - X\n",
    "decoder_layer": "    return X - X\n",
    "transformer_lm": "    return tokens - tokens\n",
    "cross_entropy_loss": "    return logits\n",
    "sgd_epoch": "    return {}, None\n",
    "generate": "    return None\n",
}


@pytest.mark.parametrize("seed", ["public", "some secret"])
@pytest.mark.parametrize(("broken", "asked"), list(itertools.permutations(EXERCISES, 2)))
def test_a_bug_in_one_block_costs_nothing_in_another(broken, asked, seed, solved, solution_cells):
    head = head_of(solution_cells[UNIT][broken])
    for body in (RAISES, WRONG[broken]):
        write(solved, solution_cells, **{broken: f"{head}\n{body}"})
        question = questions_of(UNIT, seed)[asked]
        assert lost(checks.verdict(without_tasks(question))) == {}
    assert verdict_on(broken).points == 0


BENEATH = {
    "matmul": "matmul(a, b, /)",
    "softmax": "softmax(a, /, dim=-1)",
    "layernorm": "layernorm(a, /, normalized_shape, eps=1e-5)",
    "relu": "relu(a, /)",
    "transpose": "transpose(a, /, dim0, dim1)",
    "div_by_const": "div_by_const(a, /, c)",
}


def zeros(self, node, inputs):
    return inputs[0] * 0


def nothing_back(self, node, output_grad):
    return [ad.zeros_like(operand) for operand in node.inputs]


@pytest.mark.parametrize("operator", BENEATH)
def test_a_broken_engine_underneath_costs_nothing(operator, solved):
    ad.operator(BENEATH[operator])(type("BrokenOp", (ad.Op,), {"compute": zeros, "gradient": nothing_back}))
    assert [lost(checks.verdict(question)) for question in questions_of(UNIT).values()] == [{}] * 6


def test_inner_blocks_may_be_called_by_keyword_only_as_they_are_written(solved, solution_cells):
    cell = edited(solution_cells[UNIT]["decoder_layer"], ("mask, model_dim)\n    h", "mask)\n    h"))
    write(solved, solution_cells, decoder_layer=cell)
    assert "causal_self_attention(X, W_Q, W_K, W_V, W_O, mask, model_dim) was called with other arguments" in str(
        lost(verdict_on("decoder_layer"))
    )


OWN_SEAL = """
from autodiff_lib import graph
sealed = ad.Op()
sealed.signature = graph.Signature("{name}", {operands}, {{"model_dim": graph.REQUIRED}})
"""


@pytest.mark.parametrize("exercise", ["causal_self_attention", "decoder_layer"])
def test_a_block_cannot_be_left_to_the_judge(exercise, solved, solution_cells):
    operands = FUNCTIONS[exercise].leaves
    forged = OWN_SEAL.format(name=exercise, operands=operands)
    line = f"return sealed({', '.join(operands)}, model_dim)"
    write(solved, solution_cells, **{exercise: f"{forged}\n{head_of(solution_cells[UNIT][exercise])}\n    {line}\n"})
    verdict = verdict_on(exercise)
    assert verdict.points == 0
    assert f"the operator '{exercise}', which is none of the course's" in verdict.parts[0].failure.message


# --- parts stand by themselves


ITS_PART = {
    ("causal_self_attention", "all else, exactly"): ["residual-inside"],
    ("causal_self_attention", "mixing"): ["keys-and-queries-exchanged"],
    ("causal_self_attention", "projections"): ["output-not-projected"],
    ("causal_self_attention", "scale"): ["scale-forgotten", "scale-multiplied", "scale-without-root"],
    ("causal_self_attention", "the mask"): ["mask-forgotten", "mask-transposed", "mask-scaled", "mask-as-switch", "mask-both-ways"],
    ("decoder_layer", "all else, exactly"): ["other-eps", "root-passed", "mask-not-passed", "input-added-again"],
    ("decoder_layer", "first residual"): ["first-residual-forgotten"],
    ("decoder_layer", "second residual"): ["second-residual-forgotten"],
    ("decoder_layer", "norms"): ["first-norm-forgotten", "second-norm-forgotten", "both-norms-forgotten"],
    ("decoder_layer", "network"): ["relu-forgotten"],
    ("transformer_lm", "all else, exactly"): ["layer-twice", "residual-around-layer", "input-normalised", "output-normalised"],
    ("transformer_lm", "embedding"): ["positions-subtracted", "positions-twice"],
    ("transformer_lm", "head"): ["head-forgotten"],
    ("transformer_lm", "order and future"): ["mask-transposed"],
    ("cross_entropy_loss", "all else, exactly"): ["guarded", "softmax-twice", "log-of-mean"],
    ("cross_entropy_loss", "shift"): ["logits-alone"],
    ("cross_entropy_loss", "mean"): ["mean-over-sentences"],
    ("cross_entropy_loss", "sign"): ["sign"],
    ("cross_entropy_loss", "at the start"): ["sum", "bits", "mean-over-words", "divided-twice"],
}


@pytest.mark.parametrize(("exercise", "part", "slug"), [(*place, slug) for place, slugs in ITS_PART.items() for slug in slugs])
def test_a_mistake_in_a_graph_costs_its_part_alone(exercise, part, slug, solved, solution_cells):
    write(solved, solution_cells, **{exercise: MISTAKES[f"{exercise}-{slug}"].cell(solution_cells[UNIT][exercise])})
    for seed in ("public", *SEEDS):
        assert set(lost(checks.verdict(without_tasks(questions_of(UNIT, seed)[exercise])))) == {part}


SEEN_BY_NO_PROPERTY = {  # what is wrong, although it has every property that a part asks for -> exercise, edit
    "places twice, less what they have in common": (
        "transformer_lm",
        ("+ positions", "+ 2 * positions - ad.mean(positions, dim=0, keepdim=True)"),
    ),
    "a residual connection that vanishes where model_dim is 1": (
        "causal_self_attention",
        ("return mixed @ W_O", "return mixed @ W_O + math.log(model_dim) * X"),
    ),
}


@pytest.mark.parametrize("seed", ["public", SEEDS[0]])
@pytest.mark.parametrize("wrong", SEEN_BY_NO_PROPERTY)
def test_what_no_property_sees_is_seen_where_everything_is_asked_at_once(wrong, seed, solved, solution_cells):
    exercise, edit = SEEN_BY_NO_PROPERTY[wrong]
    write(solved, solution_cells, **{exercise: edited(solution_cells[UNIT][exercise], edit)})
    assert lost(checks.verdict(without_tasks(questions_of(UNIT, seed)[exercise]))) != {}


@pytest.mark.parametrize(
    ("slug", "parts"),
    [
        ("uphill", {"update"}),
        ("last-batch-dropped", {"batches and loss"}),
        ("one-batch", {"batches and loss"}),
        ("shuffled", {"batches and loss"}),
        ("loss-of-last-batch", {"batches and loss"}),
        ("in-place", {"nothing spoiled"}),
    ],
)
def test_a_mistake_in_the_epoch_costs_its_part_alone(slug, parts, solved, solution_cells):
    write(solved, solution_cells, sgd_epoch=MISTAKES[f"sgd_epoch-{slug}"].cell(solution_cells[UNIT]["sgd_epoch"]))
    for seed in ("public", *SEEDS):
        assert set(lost(verdict_on("sgd_epoch", seed))) == parts


@pytest.mark.parametrize(
    ("slug", "parts"),
    [
        ("pad-appended", {"the end"}),
        ("pad-ignored", {"the end"}),
        ("window-slides", {"room"}),
        ("context-of-the-notebook", {"room"}),
        ("prompt-changed", {"nothing spoiled"}),
    ],
)
def test_a_mistake_in_stopping_costs_no_words(slug, parts, solved, solution_cells):
    write(solved, solution_cells, generate=MISTAKES[f"generate-{slug}"].cell(solution_cells[UNIT]["generate"]))
    for seed in ("public", *SEEDS):
        assert set(lost(verdict_on("generate", seed))) == parts


@pytest.mark.parametrize("name", corpora.a_third(name for name, mistake in MISTAKES.items() if mistake.unit == UNIT))
def test_a_mistake_is_caught_on_hidden_cases_as_well(name, solved, solution_cells):
    mistake = MISTAKES[name]
    write(solved, solution_cells, **{mistake.exercise: mistake.cell(solution_cells[UNIT][mistake.exercise])})
    for seed in SEEDS:
        question = questions_of(UNIT, seed)[mistake.exercise]
        assert checks.verdict(without_tasks(question)).points < question.points


def failures(question: Question) -> list[tuple[str, str]]:
    """For each case that fails: what is said, and the wrong numbers."""
    found = []
    for part in question.parts:
        for case in part.cases:
            answer = probe.run(case.ask())
            failure = problem_of(case, answer) or part.judge(case, answer)
            if failure is not None:
                found.append((failure.message, None if failure.got is None else failure.got.round(9).tolist()))
    return found


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_two_mistakes_give_the_same_answers(exercise, solved, solution_cells):
    seen: dict[str, str] = {}
    for mistake in MISTAKES.values():
        if (mistake.unit, mistake.exercise) == (UNIT, exercise):
            write(solved, solution_cells, **{exercise: mistake.cell(solution_cells[UNIT][exercise])})
            said = str(failures(checks.questions(UNIT)[exercise]))
            assert said not in seen, f"{mistake.id} cannot be told from {seen.get(said)}"
            seen[said] = mistake.id
    assert len(seen) >= 20


# --- asks


ASKED = {
    "kinds.graph_function.probe:build": {"function", "arguments", "number", "sealed"},
    "kinds.epoch.probe:epoch": {"function", "batch_size", "learning_rate", "names"},
    "units.transformer_lm.probe:generate": {"prompt", "max_new_tokens", "context"},
}


@pytest.mark.parametrize("seed", ["public", "some secret"])
def test_no_ask_carries_an_expected_value(seed):
    for question in questions_of(UNIT, seed).values():
        for case in [case for part in question.parts for case in part.cases]:
            ask = case.ask()
            assert isinstance(ask, Ask)
            assert set(ask.settings) == ASKED[ask.probe]
            given = () if ask.probe == BUILD.probe else case.arrays()
            assert len(ask.arrays) == len(given)
            assert all(np.array_equal(asked, array) for asked, array in zip(ask.arrays, given, strict=True))


def test_the_numbers_of_a_case_are_its_own():
    first, again = (cases.model_cases("decoder_layer", ALL_SIZES)[0] for _ in range(2))
    hidden = replace(first, seed="some secret", hidden=True)
    assert first.name == hidden.name
    assert torch.equal(first.values()["W_Q"], again.values()["W_Q"])
    assert not torch.equal(first.values()["W_Q"], hidden.values()["W_Q"])


# --- what is ready-made


READY_MADE = [
    ("F.softmax(x, -1)", "softmax"),
    ("F.log_softmax(x, -1)", "log_softmax"),
    ("F.layer_norm(x, x.shape[-1:])", "layer_norm"),
    ("F.linear(x, x)", "linear"),
    ("F.cross_entropy(x, x)", "cross_entropy"),
    ("F.relu(x)", "relu"),
    ("F.scaled_dot_product_attention(x, x, x)", "scaled_dot_product_attention"),
    ("torch.layer_norm(x, x.shape[-1:])", "layer_norm"),
    ("torch.nn.Linear(3, 2)(x)", "kaiming_uniform_"),
    ("torch.nn.LayerNorm(x.shape[-1], dtype=x.dtype)(x)", "layer_norm"),
    ("torch.nn.Softmax(dim=-1)(x)", "softmax"),
    ("torch.nn.ReLU()(x)", "relu"),
    ("x.sum().backward()", "backward"),
    ("torch.autograd.backward(x.sum())", "backward"),
    ("torch.autograd.grad(x.sum(), x)", "grad"),
    ("x.requires_grad_()", "requires_grad_"),
    ("torch.func.grad(lambda t: t.sum())(x)", "requires_grad_"),
]
TENSOR = {"sgd_epoch": "x", "generate": "logits_of(prompt, weights)"}  # the other exercises are given no tensors


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize(("line", "name"), READY_MADE, ids=[line for line, _ in READY_MADE])
def test_torchs_layers_and_its_autograd_raise_inside_an_exercise(line, name, exercise, solved, solution_cells):
    head, docstring, body = re.split(r"(?ms)^( +\"{3}.*?\"{3}\n)", solution_cells[UNIT][exercise])
    extra = f"    (lambda x: {line})({TENSOR.get(exercise, 'torch.ones(4, 3, dtype=torch.float64)')})\n"
    write(solved, solution_cells, **{exercise: f"import torch.nn.functional as F\n\n{head}{docstring}{extra}{body}"})
    verdict = verdict_on(exercise)
    assert (verdict.points, verdict.reason) == (0, "wrong")
    assert f"torch's own {name} is not to be used here" in verdict.parts[0].failure.message


def test_probabilities_may_be_looked_at_while_writing(solved, solution_cells):
    cell = edited(solution_cells[UNIT]["generate"], ("logits_of(tokens, weights)", "torch.softmax(logits_of(tokens, weights), dim=-1)"))
    write(solved, solution_cells, generate=cell)
    assert lost(verdict_on("generate")) == {}


# --- tasks


UNSOLVED = {  # a graph that lacks what the task needs
    "each word sees all before it alike": ("causal_self_attention", ("scores + mask", "0 * scores + mask")),
    "each word sees itself alone": ("causal_self_attention", ("ad.softmax(scores + mask, dim=-1) @ V", "V")),
    "no positions": ("transformer_lm", (" + positions", "")),
    "no layer": ("transformer_lm", ("decoder_layer(X, *layer, mask, model_dim)", "X")),
    "no relu": ("decoder_layer", ("ad.relu(h @ W_ff1)", "h @ W_ff1")),
    "no network": ("decoder_layer", ("h + thought", "h")),
}
SOLVED = {  # one that has it, whatever else it may lack
    "the attention": ("causal_self_attention",),
    "no mask": ("causal_self_attention", ("scores + mask", "scores")),
    "the layer": ("decoder_layer",),
    "the model": ("transformer_lm",),
}


def task_failure(function: str, seed: str):
    """Of the task that a hidden question asks for."""
    parts = questions_of(UNIT, seed)[function].parts
    ((case, judge),) = [(case, part.judge) for part in parts for case in part.cases if isinstance(case, TaskCase)]
    return judge(case, probe.run(case.ask()))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("what", UNSOLVED)
def test_a_task_is_not_learned_without_the_part_that_it_needs(what, seed, solved, solution_cells):
    function, *edits = UNSOLVED[what]
    write(solved, solution_cells, **{function: edited(solution_cells[UNIT][function], *edits)})
    assert "does not learn a task that needs this part" in task_failure(function, seed).message


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("what", SOLVED)
def test_a_task_is_learned_by_a_graph_that_has_the_part(what, seed, solved, solution_cells):
    function, *edits = SOLVED[what]
    write(solved, solution_cells, **{function: edited(solution_cells[UNIT][function], *edits)})
    assert task_failure(function, seed) is None


@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("causal_self_attention", "return ad.transpose(X, 1, 2)"),
        ("causal_self_attention", "return X @ X"),
        ("decoder_layer", "return ad.sum_op(X, dim=0)"),
        ("transformer_lm", "return ad.zeros_like(tokens)"),
        ("transformer_lm", "return ad.reshape(tokens @ weights['W_embed'], (-1,))"),
    ],
)
def test_a_graph_of_another_shape_fails_its_task_and_not_the_judge(function, line, solved, solution_cells):
    write(solved, solution_cells, **{function: f"{head_of(solution_cells[UNIT][function])}\n    {line}\n"})
    assert "The graph cannot be evaluated" in task_failure(function, "some secret").message


# --- the start


@pytest.mark.parametrize("vocabulary", [2, 33, 1000])
def test_the_loss_of_equal_logits_is_the_logarithm_of_the_vocabulary(vocabulary, solved):
    logits, targets = ad.Variable("logits"), ad.Variable("targets")
    loss = ad.cross_entropy_loss(logits, targets, 6)
    feed = {logits: torch.full((2, 3, vocabulary), 0.7, dtype=torch.float64), targets: text.one_hot([[0, 1, 0], [1, 1, 0]], vocabulary)}
    (value,) = ad.Evaluator([loss]).run(feed)
    assert float(value) == pytest.approx(math.log(vocabulary), rel=1e-12)


NEAR = 0.05


def test_an_untrained_model_starts_near_the_logarithm_of_the_vocabulary(solved):
    unit = solved[UNIT]
    tokens = torch.tensor([unit.tokenizer.encode(sentence) for sentence in text.SENTENCES])
    after = torch.cat([tokens[:, 1:], torch.full((10, 1), text.PAD)], dim=1)
    for seed in range(5):
        loss, grads = unit.run_model(text.one_hot(tokens, unit.V), text.one_hot(after, unit.V), unit.initial_weights(unit.SHAPES, seed))
        assert float(loss) == pytest.approx(math.log(unit.V), rel=NEAR)
        assert {name: tuple(grad.shape) for name, grad in grads.items()} == unit.SHAPES


# --- words


TOKENIZER = text.Tokenizer(text.SENTENCES)


@pytest.mark.parametrize("sentence", text.SENTENCES)
def test_a_sentence_survives_the_tokenizer(sentence):
    tokens = TOKENIZER.encode(sentence)
    assert len(tokens) == 5
    assert text.PAD not in tokens
    assert TOKENIZER.decode([*tokens, text.PAD, text.PAD]) == sentence


def test_words_are_numbered_in_alphabetical_order_after_the_padding():
    tokenizer = text.Tokenizer(["b c", "a b"])
    assert tokenizer.words == ["<pad>", "a", "b", "c"]
    assert len(tokenizer) == 4
    assert tokenizer.encode("  c   a ") == [3, 1]
    assert tokenizer.encode("") == []


def test_unknown_words_are_named_beside_the_known_ones():
    with pytest.raises(ValueError, match="does not know 'x', 'y'; it knows a, b, c"):
        text.Tokenizer(["b c", "a b"]).encode("a x b y")


def test_one_word_does_not_tell_the_next():
    followers: dict[str, set[str]] = {}
    for sentence in text.SENTENCES:
        for word, after in itertools.pairwise(sentence.split()):
            followers.setdefault(word, set()).add(after)
    assert len(text.SENTENCES) == len(set(text.SENTENCES)) == 10
    assert sum(len(after) > 1 for after in followers.values()) >= 5
    assert len({tuple(sentence.split()[:2]) for sentence in text.SENTENCES}) == 10, "two words tell the sentence"


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_mask_hides_exactly_the_future(length):
    mask = text.causal_mask(length)
    assert mask.shape == (length, length)
    assert mask.dtype == torch.float64
    for query, key in itertools.product(range(length), repeat=2):
        assert mask[query, key] == (text.FUTURE if key > query else 0)


@pytest.mark.parametrize(("length", "model_dim"), [(5, 64), (5, 7), (1, 1), (24, 2), (3, 5)])
def test_positions_are_waves_of_which_no_two_rows_are_alike(length, model_dim):
    codes = text.positions(length, model_dim)
    assert codes.shape == (length, model_dim)
    assert codes.dtype == torch.float64
    for place, column in itertools.product(range(length), range(model_dim)):
        angle = place / 10_000 ** (2 * (column // 2) / model_dim)
        assert float(codes[place, column]) == pytest.approx(math.cos(angle) if column % 2 else math.sin(angle), abs=1e-12)
    assert len({tuple(row.tolist()) for row in codes}) == length


def test_one_hot_rows_have_a_single_one_at_the_token():
    rows = text.one_hot([[1, 0], [2, 2]], 3)
    assert rows.dtype == torch.float64
    assert rows.tolist() == [[[0, 1, 0], [1, 0, 0]], [[0, 0, 1], [0, 0, 1]]]
    assert text.one_hot(torch.tensor([2, 0]), 4).shape == (2, 4)


@pytest.mark.parametrize("tokens", [[3], [[0, 7]]])
def test_a_token_beyond_the_vocabulary_is_an_error(tokens):
    with pytest.raises(IndexError):
        text.one_hot(tokens, 3)
