"""The catalogues on trial: every mistake is caught where it was made and gets its own hint, and no right answer loses anything."""

import json
import pickle
from collections import Counter
from dataclasses import replace
from itertools import combinations, zip_longest

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from autodiff_lib import checks
from autodiff_lib.checks import known, probe
from autodiff_lib.checks.compare import agree
from autodiff_lib.checks.judge import judge, judged
from autodiff_lib.checks.question import Failure, PartVerdict, Verdict
from autodiff_lib.checks.report import text
from autodiff_lib.checks.wire import unpack_answer
from autodiff_lib.graph import Op
from autodiff_lib.kinds.graph_function.judge import BUILD
from autodiff_lib.registry import table
from autodiff_lib.units import UNITS
from grader.__main__ import app
from grader.authors import trials
from grader.authors.catalogue import MISTAKES, VARIANTS
from grader.book.nbgrader_course import solutions
from grader.units import Mistake

from .corpora import is_today
from .rounding import LastPlaces, OtherOrder

EXERCISES = [(unit, exercise) for unit in UNITS for exercise in checks.questions(unit)]
LARGE = {"matmul", "softmax", "layernorm", "Evaluator", "gradients", "causal_self_attention", "cross_entropy_loss"}


@pytest.fixture(scope="module")
def tried():
    """What becomes of each, and for those of today what it does to the other exercises."""
    return {entry.id: trials.try_out(entry, alone=not is_today(entry.id)) for entry in trials.of_unit(None)}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_known_mistake_loses_points_of_its_own_exercise(name, tried):
    trial = tried[name]
    assert trial.caught, f"{name} survives: {MISTAKES[name].what}"
    assert trial.verdict.reason in ("wrong", "error")


@pytest.mark.parametrize("name", VARIANTS)
def test_a_right_answer_that_looks_different_loses_nothing(name, tried):
    assert not tried[name].caught, f"{VARIANTS[name].what}: {tried[name].shown}"


@pytest.mark.parametrize("name", [name for name in (*MISTAKES, *VARIANTS) if is_today(name)])
def test_neither_costs_another_exercise_a_point(name, tried):
    assert tried[name].spilled == ()


def test_a_trial_crosses_from_process_to_process(tried):
    for trial in tried.values():
        assert pickle.loads(pickle.dumps(trial)).id == trial.id


@pytest.mark.parametrize(("catalogue", "large", "small"), [(MISTAKES, 12, 5), (VARIANTS, 5, 2)], ids=["mistakes", "variants"])
def test_every_exercise_has_enough_of_both(catalogue, large, small):
    count = Counter((entry.unit, entry.exercise) for entry in catalogue.values())
    for unit, exercise in EXERCISES:
        assert count[unit, exercise] >= (large if exercise in LARGE else small), exercise


OTHER_SHARES = {
    "topological_order": "nearly every mistake gets the order wrong: to keep more, the order would have to be worth less than half",
    "gradients": "most mistakes give wrong gradients, which are what the exercise is about",
}
"""Exercise -> why one mistake keeps, on average, another share of its points."""

NEVER_ALONE = {
    ("Evaluator", "values"): "wrong values break the contract as well, whose cases compare them",
}
"""Exercise and part -> why no known mistake costs that part alone."""


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_each_part_fails_alone_for_at_least_one_mistake(unit, exercise, tried):
    """A part that fails with others only says nothing that they have not said."""
    verdicts = [tried[name].verdict for name, mistake in MISTAKES.items() if (mistake.unit, mistake.exercise) == (unit, exercise)]
    failing = [[part.part for part in verdict.parts if part.failure is not None] for verdict in verdicts]
    alone = {parts[0] for parts in failing if len(parts) == 1}
    exempt = {part for name, part in NEVER_ALONE if name == exercise}
    assert {part.part for part in verdicts[0].parts} - alone == exempt


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_one_mistake_keeps_on_average_between_35_and_70_percent_of_the_points(unit, exercise, tried):
    verdicts = [tried[name].verdict for name, mistake in MISTAKES.items() if (mistake.unit, mistake.exercise) == (unit, exercise)]
    kept = sum(verdict.points / verdict.max_points for verdict in verdicts) / len(verdicts)
    assert (0.35 <= kept <= 0.70) == (exercise not in OTHER_SHARES), f"{kept:.0%}"


def test_there_are_at_least_120_mistakes_and_30_of_them_are_about_transformers():
    count = Counter(mistake.unit for mistake in MISTAKES.values())
    assert sum(count.values()) >= 120
    assert count["03_transformer_lm"] >= 30


def test_the_first_hint_is_the_mistakes_own_wherever_numbers_can_tell(tried):
    told = [name for name in MISTAKES if any(map(known.has_numbers, tried[name].traces.values()))]
    assert [name for name in told if tried[name].shown.hint != MISTAKES[name].hint] == []
    assert len(told) >= 0.85 * len(MISTAKES)
    assert {tried[name].shown.mistake for name in set(MISTAKES) - set(told)} == {""}


CONTAINS = {
    "online_softmax-maximum-of-the-block": {"online_softmax-last-maximum-returned"},
    "layernorm-last-axis-only": {"layernorm-gradient-last-axis"},
    "decoder_layer-both-residuals-forgotten": {"decoder_layer-first-residual-forgotten", "decoder_layer-second-residual-forgotten"},
    "matmul_layernorm_kernel-K-not-a-multiple": {"matmul_layernorm_kernel-other-missing"},
    "matmul_softmax_kernel-K-not-a-multiple": {"matmul_softmax_kernel-other-missing"},
    "FrugalEvaluator-outputs-only": {"FrugalEvaluator-keeps-all", "FrugalEvaluator-outputs-too"},
    "06_eager_tensor.make_from_op-always-required": {"06_eager_tensor.make_from_op-history-kept"},
    "06_eager_tensor.make_from_op-always-lazy": {"06_eager_tensor.make_from_op-history-kept"},
    "06_eager_tensor.make_from_op-never-lazy": {"06_eager_tensor.make_from_op-at-once-in-lazy-mode"},
    "06_eager_tensor.compute_gradient_of_variables-recursive": {"06_eager_tensor.compute_gradient_of_variables-never-cut-off"},
    "06_eager_tensor.compute_gradient_of_variables-added-in-place-but-out-grad": {
        "06_eager_tensor.compute_gradient_of_variables-added-in-place-if-alone"
    },
    "06_eager_tensor.backward-out-grad-ignored": {
        "06_eager_tensor.backward-out-grad-not-handed-on",
        "06_eager_tensor.backward-shapes-reshaped",
    },
    "07_tape.sub_backward-signs-exchanged": {"07_tape.sub_backward-sign-forgotten", "07_tape.sub_backward-both-negative"},
    "07_tape.mul_backward-slopes-alone": {"07_tape.mul_backward-a-without-grad-output"},
    "07_tape.mul_backward-in-place": {"07_tape.mul_backward-product-for-b"},
    "07_tape.Linear-bias-not-recorded": {"07_tape.Linear-db-in-the-buffer"},
    "07_tape.Linear-product-not-recorded": {"07_tape.Linear-dW-in-the-buffer", "07_tape.Linear-gradient-of-x-lost"},
    "07_tape.ReLU-kink-of-the-gradient": {"07_tape.ReLU-everything-passes"},
}
"""What has other mistakes in it."""


def test_a_mistake_that_is_not_there_is_never_claimed(tried):
    """Each mistake, judged by a catalogue without it, is taken for none of the others."""
    for name, mistake in MISTAKES.items():
        others = [one for one in known.known_of(mistake.unit, mistake.exercise) if one.id != name]
        assert claimed(tried[name].traces, others) - CONTAINS.get(name, set()) == set(), name


def claimed(traces, listed):
    """The mistakes among those listed that are taken for what left these traces."""
    parts = tuple(PartVerdict(part, 0, 1, 0, 1, Failure("", "wrong", "") if trace else None) for part, trace in traces.items())
    return known.mistakes_in(known.recognised(Verdict("", 1, parts), traces, listed))


@pytest.mark.parametrize(("unit", "exercise"), EXERCISES)
def test_of_two_mistakes_in_different_parts_no_third_is_claimed(unit, exercise, tried):
    listed = [mistake for mistake in MISTAKES.values() if (mistake.unit, mistake.exercise) == (unit, exercise)]
    for one, other in combinations(listed, 2):
        first, second = (tried[mistake.id].traces for mistake in (one, other))
        if any(first[part] and second[part] for part in first):
            continue  # what two edits of one part come to together is no sum of traces
        both = {part: first[part] or second[part] for part in first}
        there = {one.id, other.id}.union(*(CONTAINS.get(mistake.id, set()) for mistake in (one, other)))
        found = claimed(both, known.known_of(one.unit, exercise))
        assert {name for name in found - there if not CONTAINS.get(name, {""}) <= there} == set(), (one.id, other.id)


@pytest.mark.parametrize(("number", "recognised"), [(None, set()), (0.0, set()), (1.5, {"one"})])
def test_words_without_numbers_are_no_sign_of_a_mistake(number, recognised):
    traces = {"compute": {"[2]": ("said", number)}, "gradient": {}}
    assert claimed(traces, [known.Known("one", "it is wrong", "Is it right?", traces)]) == recognised


# --- where they leave the reference's way

NAMED = {  # mistake -> the step, what stands in its place, and the last of the steps that are there
    "causal_self_attention-mask-forgotten": ("weights", "softmax(scores)", "scores"),
    "causal_self_attention-mask-transposed": ("masked scores", "add(scores, transpose(mask, -2, -1))", "scores"),
    "causal_self_attention-scale-forgotten": ("scores", "matmul(queries, transpose(keys, -2, -1))", "values"),
    "causal_self_attention-scale-after-softmax": ("scores", "matmul(queries, transpose(keys, -2, -1))", "values"),
    "causal_self_attention-softmax-over-queries": ("weights", "softmax(scores, dim=-2)", "scores"),
    "causal_self_attention-weights-transposed": ("mixed values", "matmul(transpose(weights, -2, -1), values)", "weights"),
    "causal_self_attention-keys-are-queries": ("scores", "matmul(queries, transpose(queries, -2, -1))", "values"),
    "causal_self_attention-keys-and-queries-exchanged": ("weights", "softmax(add(div_by_const(…, 1), mask))", "transposed scores"),
    "causal_self_attention-output-not-projected": ("result", "the mixed values", "mixed values"),
    "decoder_layer-both-residuals-forgotten": ("h", "layernorm(attention, (4,))", "attention"),
    "decoder_layer-second-residual-from-input": ("second sum", "add(X, network's output)", "network's output"),
    "decoder_layer-network-on-input": ("h @ W_ff1", "matmul(X, W_ff1)", "h"),
    "decoder_layer-second-residual-forgotten": ("second sum", "the network's output", "network's output"),
    "transformer_lm-positions-subtracted": ("words with positions", "sub(embedded words, positions)", "embedded words"),
    "cross_entropy_loss-sign": ("result", "div_by_const(sum over all tokens, 3)", "sum over all tokens"),
    "cross_entropy_loss-softmax-over-places": ("probabilities", "softmax(logits, dim=1)", None),
    "04_vision_transformer.linear-bias-subtracted": ("result", "sub(product, b)", "product"),
    "04_vision_transformer.self_attention-relu-for-softmax": ("weights", "relu(scores)", "scores"),
    "04_vision_transformer.encoder_layer-relu-forgotten": ("ReLU", "the first layer", "first layer"),
    "04_vision_transformer.vision_transformer-sum-for-mean": ("mean over the rows", "sum_op(encoder's output, 1)", "encoder's output"),
    "04_vision_transformer.softmax_loss-two-steps": ("log-probabilities", "log(softmax(Z))", None),
    "layernorm-constant-deviation": ("bracket", "sub(output_grad, first mean)", "first mean"),
    "softmax-unweighted-sum": ("sum along the axis", "sum_op(output_grad, 0, keepdim=True)", None),
    "div-numerator-unreduced": ("result", "output_grad / b", "output_grad / b"),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_mistake_is_shown_at_the_first_value_that_differs(name, tried):
    step, written, last = NAMED[name]
    (found,) = beside_in(tried[name].verdict)
    assert (found.reference, found.yours) == (step, written)
    assert written in found.said
    assert found.said.startswith(
        f"In the place of the reference's {step} your graph has" if last is None else "Your graph has the reference's "
    )
    if last is not None:
        assert f"{last}. In the place of " in found.said
    assert not (found.got.shape == found.expected.shape and agree(found.got, found.expected, "float64"))


SILENT = {
    "mistakes in two places": {"decoder_layer-both-norms-forgotten", "decoder_layer-norms-before", "decoder_layer-other-eps"}
    | {"transformer_lm-ends-exchanged"},
    "another formula": {
        "cross_entropy_loss-mean-over-words",
        "cross_entropy_loss-vocabulary-of-the-notebook",
        "cross_entropy_loss-log-of-mean",
    }
    | {"04_vision_transformer.softmax_loss-mean-over-classes", "04_vision_transformer.softmax_loss-log-of-the-mean"}
    | {"decoder_layer-second-norm-inside-sum", "04_vision_transformer.encoder_layer-relu-last"},
    "no value, or a variable": {"04_vision_transformer.linear-bias-first", "04_vision_transformer.self_attention-values-forgotten"},
}
"""Why -> the mistakes in graphs of which nothing is sure."""


def test_of_all_mistakes_in_graphs_it_is_said_but_for_a_few(tried):
    graphs = {key for key in EXERCISES if checks.questions(key[0])[key[1]].parts[0].cases[0].form is BUILD}
    in_graphs = {name for name, mistake in MISTAKES.items() if (mistake.unit, mistake.exercise) in graphs}
    silent = {name for name in in_graphs if not beside_in(tried[name].verdict)}
    assert silent == set().union(*SILENT.values())
    assert len(silent) < 0.08 * len(in_graphs)


def beside_in(verdict):
    return [part.failure.beside for part in verdict.parts if part.failure is not None and part.failure.beside is not None]


# --- what is said besides

NOT_ITS_HINT = {  # wrong answer -> exercise, edits, what must be said, and of which mistakes' hints nothing may
    "the last of eval_nodes alone": (
        "Evaluator",
        [("[values[node] for node in self.eval_nodes]", "[values[self.eval_nodes[-1]]]")],
        "One value for each of them is wanted, in this order",
        ["Evaluator-last-only", "Evaluator-first-only"],
    ),
    "another number in every run": (
        "Evaluator",
        [
            (
                "        results = [values[node] for",
                "        self.runs = getattr(self, 'runs', 0) + 1\n        results = [values[node] * self.runs for",
            )
        ],
        "",
        ["Evaluator-stale", "Evaluator-stale-results", "Is something kept"],
    ),
    "results of one operator alone are forgotten": (
        "FrugalEvaluator",
        [("            if operand not in self.eval_nodes:", "            if operand not in self.eval_nodes and operand.op.name == 'exp':")],
        "A value may go after the last node that has it as an input.",
        ["FrugalEvaluator-one-value-a-step", "FrugalEvaluator-keeps-all"],
    ),
    "a difference of a node and itself": (
        "gradients",
        [("bar[operand] + contribution", "bar[operand] + (bar[node] if node.op.name == 'sub' else contribution)")],
        "Every entry is off by the same amount, 2.",
        ["The output does not depend on this node"],
    ),
    "ones for the upstream gradient": (
        "div",
        [("output_grad / b, a", "ad.ones_like(output_grad) / b, a")],
        "It stays the same whatever numbers output_grad holds.",
        ["div-upstream-forgotten"],
    ),
    "a maximum without its axis": (
        "softmax",
        [("a.amax(node.dim, keepdim=True)", "a.amax(node.dim)")],
        "your code raised",
        ["softmax-keepdim-forgotten"],
    ),
    "the third best word": (
        "generate",
        [(".argmax()", ".argsort()[-3]")],
        "The first word that differs is number 2",
        ["Which row of the logits", "generate-second-best"],
    ),
    "no word twice": (
        "generate",
        [
            (
                "logits_of(tokens, weights)[len(tokens) - 1]",
                "(logits_of(tokens, weights)[len(tokens) - 1] - 200 * torch.eye(11)[tokens].sum(0))",
            )
        ],
        "should be one that was there before",
        ["Which row of the logits"],
    ),
    "nothing once the context is full": (
        "generate",
        [("    tokens = list(prompt)\n", "    tokens = list(prompt)\n    if len(tokens) >= CONTEXT:\n        return []\n")],
        "The prompt belongs to the answer.",
        ["Which row of the logits"],
    ),
}


IN_THE_CATALOGUE = {
    "a difference of a node and itself": {"gradients-contribution-by-index"},
    "no word twice": {"generate-never-repeats"},
}
"""Wrong answer -> the known mistake that it is, left out here: what is said without it must be so as well."""


@pytest.mark.parametrize("wrong", NOT_ITS_HINT)
def test_nothing_is_said_that_is_not_so(wrong, solved):
    exercise, edits, demanded, forbidden = NOT_ITS_HINT[wrong]
    unit = next(unit for unit in UNITS if exercise in checks.questions(unit))
    cell = Mistake("", unit, exercise, "", "", tuple(edits)).cell(solutions(unit)[exercise])
    exec(compile(cell, "<cell>", "exec"), {**solved[unit].__dict__})
    question = checks.questions(unit)[exercise]
    alike = [one for one in known.known_of(unit, exercise) if one.id not in IN_THE_CATALOGUE.get(wrong, ())]
    shown = text(judge(question, probe.answers, alike), question)
    assert demanded in shown
    assert "Look at: " in shown
    for name in forbidden:
        assert (MISTAKES[name].hint if name in MISTAKES else name) not in shown


@pytest.mark.parametrize("exercise", checks.questions("01_operators"))
def test_random_errors_are_taken_for_no_known_mistake(exercise, solved):
    rng = np.random.default_rng(0)
    right = table[exercise]
    for size in (1e-3, 0.3, 2.0):

        class Perturbed(type(right)):
            def compute(self, node, inputs, size=size):
                result = super().compute(node, inputs)
                return result + size * torch.tensor(rng.standard_normal(tuple(result.shape)), dtype=result.dtype)

            def gradient(self, node, output_grad, size=size):
                return [grad * float(1 + size * rng.standard_normal()) for grad in super().gradient(node, output_grad)]

        assert issubclass(Perturbed, Op)
        table[exercise] = Perturbed()
        verdict = checks.verdict(checks.questions("01_operators")[exercise])
        assert verdict.points == 0
        assert known.mistakes_in(verdict) == set()


def test_the_file_of_known_mistakes_is_what_the_catalogue_makes_now(tried):
    """Run `make mistakes` and commit the result."""
    assert lines_that_differ(tried.values()) == []


def lines_that_differ(trial_list):
    """What the catalogue makes now, line by line beside what is kept, where they are not the same letter by letter."""
    made = trials.as_known(list(trial_list))
    texts = [(known.to_text(made[unit]), known.file_of(unit).read_text(encoding="utf-8")) for unit in UNITS]
    return [(now, then) for one, kept in texts for now, then in zip_longest(one.splitlines(), kept.splitlines()) if now != then]


def judged_with_other_last_places(trial, question):
    given = iter(trial.answers)
    with LastPlaces() as places:
        return judged(question, lambda cases: map(places.answer, next(given)))


def judged_with_sums_in_another_order(trial, question):
    """Asked again; but for large graphs, in which all sums are of two numbers, and for memory, of which turning takes some."""
    entry = (MISTAKES | VARIANTS)[trial.id]
    parts = iter(zip(question.parts, trial.answers, strict=True))

    def answers(cases):
        part, given = next(parts)
        asked_again = part.name not in (trials.LARGE, "memory")
        return (probe.run(case.ask()) if asked_again else unpack_answer(message, 0) for case, message in zip(cases, given, strict=False))

    with trials.written(trial.unit, trials.cells_of(entry)), OtherOrder():
        return judged(question, answers)


RIGHT_BY_CHANCE = {"Evaluator-single-precision", "06_eager_tensor.realize_cached_data-single"}
"""A product in float32 may be right to the last digit of float64: on every processor, as all multiply alike, but not once it is moved.
And one that is moved may become right."""


@pytest.mark.parametrize("elsewhere", [judged_with_other_last_places, judged_with_sums_in_another_order])
def test_on_another_processor_all_verdicts_hints_and_marks_are_the_same(elsewhere, tried):
    questions = {(unit, exercise): trials.on_any_machine(checks.questions(unit)[exercise]) for unit, exercise in EXERCISES}
    forgetful = {
        key: replace(one, parts=tuple(map(replace, one.parts))) for key, one in questions.items()
    }  # what was right they judge again
    there = dict(tried)
    for name, trial in tried.items():
        if not is_today(name) or (name in RIGHT_BY_CHANCE and elsewhere is judged_with_other_last_places):
            continue
        verdict, traces = elsewhere(trial, forgetful[trial.unit, trial.exercise])
        verdict = known.recognised(verdict, traces, known.known_of(trial.unit, trial.exercise))
        assert said(verdict) == said(trial.verdict), name
        there[name] = replace(trial, traces=traces)
    assert lines_that_differ(there.values()) == []


def said(verdict):
    """All that is said of an answer, in words and points; but for the line of code, which is one of this test's."""
    found = []
    for part in verdict.parts:
        found.append((part.part, part.points, part.passed, part.contrast))
        if part.failure is not None:
            message = known.LINE.sub("", part.failure.message)
            beside = part.failure.beside and part.failure.beside.said
            found.append((message, beside, *(getattr(part.failure, name) for name in ("case", "reason", "hint", "mistake"))))
    return found


def test_the_file_holds_no_code():
    for unit in UNITS:
        text = known.file_of(unit).read_text(encoding="utf-8")
        for cell in solutions(unit).values():
            for line in (line.strip() for line in cell.splitlines()):
                assert len(line) < 24 or json.dumps(line)[1:-1] not in text, line


def test_every_hint_is_a_sentence_of_its_own():
    hints = Counter(mistake.hint for mistake in MISTAKES.values())
    assert [hint for hint, count in hints.items() if count > 1] == []
    for mistake in MISTAKES.values():
        assert mistake.hint[-1] in ".?!"
        assert not mistake.what.endswith(".")


def test_the_second_time_a_mistake_is_checked_the_hint_is_more_direct(solved, capsys):
    mistake = MISTAKES["layernorm-unbiased"]
    exec(mistake.cell(solutions(mistake.unit)[mistake.exercise]), {**solved[mistake.unit].__dict__})
    check = checks.of_unit(mistake.unit)
    check("layernorm")
    first = capsys.readouterr().out
    check("layernorm")
    second = capsys.readouterr().out
    assert mistake.hint in first
    assert mistake.hint in second
    assert known.direct(mistake.what) not in first
    assert known.direct(mistake.what) in second


def test_two_mistakes_in_two_parts_get_a_hint_each(solved):
    cell = solutions("01_operators")["softmax"]
    for name in ("softmax-unstable", "softmax-diagonal"):
        cell = MISTAKES[name].cell(cell)
    exec(cell, {**solved["01_operators"].__dict__})
    question = checks.questions("01_operators")["softmax"]
    shown = text(checks.verdict(question), question)
    assert MISTAKES["softmax-unstable"].hint in shown
    assert MISTAKES["softmax-diagonal"].hint in shown


def test_the_command_prints_totals_and_fails_where_a_mistake_survives(monkeypatch):
    chosen = [MISTAKES["sqrt-half-forgotten"], next(variant for variant in VARIANTS.values() if variant.exercise == "sqrt")]
    monkeypatch.setattr(trials, "of_unit", lambda unit: chosen)
    result = CliRunner().invoke(app, ["mistakes", "--unit", "01_operators", "--json", "--jobs", "1"])
    found = json.loads(result.stdout)
    sums = {"mistakes": 1, "caught": 1, "spilled": 0, "variants": 1, "variants_failed": 0, "hints_right": 1}
    assert {name: found[name] for name in sums} == sums
    assert result.exit_code == 0
    survivor = MISTAKES["sqrt-half-forgotten"].__class__("sqrt-nothing", "01_operators", "sqrt", "nothing is wrong", "None.", ())
    monkeypatch.setattr(trials, "of_unit", lambda unit: [survivor])
    for module in ("grader.authors.trials", "grader.__main__"):
        monkeypatch.setattr(f"{module}.MISTAKES", {survivor.id: survivor})
    result = CliRunner().invoke(app, ["mistakes", "--jobs", "1"])
    assert result.exit_code == 1
    assert "SURVIVES" in result.stdout
