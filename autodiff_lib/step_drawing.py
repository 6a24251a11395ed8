"""A pass through a graph as a picture that can be stepped through, and as a list of its steps.

What each step shows is in the picture from the start, marked with the first and the last step at which it is seen; a short
script shows one step after the other. Where no script runs, the picture is that of the last step, which is complete, and the
list below it says the rest. On a page that takes no SVG either, the list remains.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape, unescape
from typing import Any

import torch
from torch import Tensor

from . import graph_drawing as drawing
from .graph import Node
from .graph_data import inputs_first
from .graph_drawing import MAX_DRAWN, Drawing, Layout, Points
from .stepping import Computed, Contribution, End, Gradients, HandedOn, Made, Order, Pass, passed

SPACING = drawing.Spacing(box=52, row_gap=26, layer_gap=60, above=12)
MAX_NUMBERS = 12  # of a value that is written out
MAX_IN_BOX, MAX_ON_EDGE, MAX_IN_LINE, MAX_SUM = 24, 9, 16, 80  # characters of a value there
NOISE = 1e-6  # what is nearer to zero is written as 0: rounding differs from machine to machine

VALUES, GRADIENTS, WRONG = "#1b4f8a", "#b3500f", "#b42318"
ARROWS = (drawing.INK, drawing.PALE, VALUES, GRADIENTS, WRONG)
HALO = ' stroke="#fff" stroke-width="4" paint-order="stroke"'  # of what is written over an edge
GLOW = {VALUES: "#ffd54a", GRADIENTS: "#f5a96b", WRONG: "#ff9a92"}


@dataclass(frozen=True)
class Step:
    """What happens, in which colour, and in words, as HTML. In the last step nothing happens any more."""

    text: str
    ink: str
    event: Made | Computed | HandedOn | None = None


def step(
    outputs: Sequence[Node],
    values: Mapping[Node, Any],
    wrt: Sequence[Node] | None = None,
    order: Order | Sequence[Node] | None = None,
    gradients: Gradients | None = None,
    names: Mapping[Node, str] | None = None,
) -> Drawing:
    """The graph of `outputs`, to step through with ◀ and ▶, a slider or the arrow keys: first the values, then the gradients.

    `values` holds a tensor, an array or a number for each variable. Nodes are lit in the order that `topological_order(outputs)`
    returns; on the way back it is shown what `gradients(outputs[0], wrt)` asks the operators, and what adds up where. Both
    functions are yours, as soon as you have written them; `order` takes another function or a list of nodes, `gradients`
    another function. `wrt` are all variables if not given; if it is empty there is no way back. `names` are what to call
    nodes in the picture.

    What is wrong with these functions is said in the picture. Raises TypeError for outputs or `wrt` that are no lists of nodes,
    ValueError for a variable without a value, NotImplementedError for an order or an operator that nobody has written. A graph
    of more than `MAX_DRAWN` nodes is counted, not drawn.
    """
    if isinstance(outputs, list | tuple) and all(isinstance(output, Node) for output in outputs):
        nodes = inputs_first(outputs)
        if len(nodes) > MAX_DRAWN:
            return Drawing(drawing.summary_html(nodes, drawing.summarise(nodes)), drawing.summarise(nodes))
    told = passed(outputs, values, wrt, order, gradients, names)
    steps = steps_of(told)
    title = f"{drawing.summarise(told.nodes)}, in {len(steps)} steps"
    markup = page(svg(told, outputs, steps, title), steps, title, introduced(steps))
    key = f"steps-{hashlib.sha256(markup.encode()).hexdigest()[:12]}"
    lines = [f"{number:3}. {plain(one.text)}" for number, one in enumerate(steps, start=1)]
    return Drawing(markup.replace("@KEY@", key), "\n".join([title, *lines]))


# --- numbers


def rounded(value: float, digits: int = 4) -> str:
    return "0" if abs(value) < NOISE else f"{value:.{digits}g}"


def written(value: Any) -> str:
    return f"[{', '.join(map(written, value))}]" if isinstance(value, list) else rounded(float(value), 3)


def shown(value: Tensor) -> str:
    """A number; numbers in brackets where they are few; else the shape."""
    if value.numel() == 1:
        return rounded(value.item())
    if value.numel() > MAX_NUMBERS:
        return f"shape {list(value.shape)}"
    while value.ndim > 2 and len(value) == 1:  # a batch of one
        value = value[0]
    return written(value.tolist())


def added(parts: Sequence[Tensor]) -> str:
    """`5 + 2 = 7`, for what has arrived; of one part, itself."""
    whole = shown(torch.stack([*parts]).sum(dim=0))
    if len(parts) == 1:
        return whole
    terms = [shown(part) for part in parts]
    signed = [terms[0], *(f"({term})" if term.startswith("-") else term for term in terms[1:])]
    text = f"{' + '.join(signed)} = {whole}"
    return text if len(text) <= MAX_SUM and "shape" not in text else f"{len(parts)} parts, together {whole}"


def close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one.double(), other.double(), rtol=1e-4, atol=NOISE, equal_nan=True)


# --- the steps in words


def steps_of(told: Pass) -> list[Step]:
    right = bool(told.ends) and all(close(found(end), end.right) for end in told.ends)
    steps = [forward_step(event, told) for event in told.forward]
    steps += [backward_step(event, told, first=place == 0, blamed=not right) for place, event in enumerate(told.backward)]
    return [*steps, last_step(told)] if told.ends or told.notes else steps


def code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def listed(nodes: Sequence[Node], told: Pass) -> str:
    return " and ".join(code(told.called[node]) for node in dict.fromkeys(nodes))


def forward_step(event: Computed, told: Pass) -> Step:
    name, value = f"<b>{escape(told.called[event.node])}</b>", code(shown(event.value))
    if event.lacking:
        needed = f"it needs {listed(event.lacking, told)}, of which there is no value yet"
        return Step(f"✗ {name} comes too early: {needed}. An evaluator stops here; all the same, it is {value}.", WRONG, event)
    text = f"{name} is {value}, from {listed(event.node.inputs, told)}." if event.node.inputs else f"{name} is fed: {value}."
    return Step(text, VALUES, event)


def backward_step(event: HandedOn, told: Pass, first: bool, blamed: bool) -> Step:
    """What a node hands on. What is unusual about it is a mistake where it is `blamed`, since the gradients came out wrong."""
    name, gradient = f"<b>{escape(told.called[event.node])}</b>", code(shown(event.gradient))
    said = [f"The way back begins at {name}, with {gradient}." if first else f"{name} has {gradient}."]
    differs = event.arrived is not None and not close(event.gradient, event.arrived)
    if differs and event.arrived is not None:
        said = [f"{name} has received {code(shown(event.arrived))} so far, but is asked with {gradient}."]
    if event.early:
        said.append(f"{'Too early: ' * blamed}{listed(event.early, told)} may still hand something to {name}.")
    given = [contribution(one, told, blamed) for one in event.contributions]
    lines = any(len(shown(one.amount)) > MAX_IN_LINE for one in event.contributions)
    said.append(f"It hands {'<br>' if lines else ''}{(';<br>' if lines else '; ').join(given)}.")
    wrong = blamed and (differs or bool(event.early) or any(one.late for one in event.contributions))
    return Step("✗ " * wrong + " ".join(said), WRONG if wrong else GRADIENTS, event)


def contribution(one: Contribution, told: Pass, blamed: bool) -> str:
    operand = code(told.called[one.operand])
    text = f"{code(shown(one.amount))} to {operand}"
    if len(one.parts) > 1:
        text += f", where it adds up: {code(added(one.parts))}"
    return f"{text} ({'too late: ' * blamed}{operand} has handed on its gradient before)" if one.late else text


def last_step(told: Pass) -> Step:
    returned = any(end.returned is not None for end in told.ends)
    wrong = any(not close(found(end), end.right) or not close(found(end), end.arrived) for end in told.ends)
    begun = "✗ " * wrong + ("<code>gradients</code> returns" if returned else "What has arrived:")
    ends = [ended(end, told) for end in told.ends]
    lines = any(len(shown(end.right)) > MAX_IN_LINE for end in told.ends)
    said = [f"{begun} {'<br>' if lines else ''}{(';<br>' if lines else '; ').join(ends)}."] if ends else []
    said += [f"Note: {escape(note)}." for note in told.notes]
    return Step(" ".join(said), WRONG if wrong or told.notes else GRADIENTS)


def found(end: End) -> Tensor:
    return end.arrived if end.returned is None else end.returned


def ended(end: End, told: Pass) -> str:
    text = f"{code(shown(found(end)))} for {code(told.called[end.node])}"
    if not close(found(end), end.right):
        text += f", but all ways together bring {code(shown(end.right))}"
    if not close(found(end), end.arrived):
        text += f" (in the steps, {code(shown(end.arrived))} has arrived)"
    return text


def plain(text: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", re.sub(r"\s*<br>", " ", text)))


# --- the picture


@dataclass(frozen=True)
class Line:
    """A line of a box, and the steps at which it is seen."""

    text: str
    ink: str
    first: int
    last: int


def svg(told: Pass, outputs: Sequence[Node], steps: Sequence[Step], title: str, growing: bool = False) -> str:
    """The picture. A `growing` one has each box from the step in which it is lit first, and those behind the first output dashed."""
    end = len(steps)
    lines = {node: lines_of(node, steps) for node in told.nodes}
    heads = {node: head(node, told) for node in told.nodes}
    widths = {node: drawing.width_of([heads[node], *(line.text for line in lines[node])]) for node in told.nodes}
    layout = drawing.laid_out(told.nodes, widths, SPACING)
    tips = [(ink, f"@KEY@-{ink[1:]}", 7 if ink in (drawing.INK, drawing.PALE) else 4) for ink in ARROWS]
    begins = first_lit(steps) if growing else {}
    forward = set(inputs_first(outputs[:1])) if growing else set(told.nodes)
    shapes = [
        drawing.opening(layout, title, f"{drawing.told(outputs)}. The steps stand in the list that follows."),
        f"<defs>{''.join(drawing.tip(name, ink, size) for ink, name, size in tips)}</defs>",
    ]
    for edge, points in layout.edges:
        plain_arrow = arrow(points, drawing.PALE if edge.shape_only else drawing.INK, 1.3)
        shapes.append(seen(plain_arrow, begins[edge.ends[1]], end, end) if edge.ends[1] in begins else plain_arrow)
    shapes += [seen(glow(layout, one), number, number, end) for number, one in enumerate(steps, 1)]
    shapes += [seen(on_edges(layout, one), number, number, end) for number, one in enumerate(steps, 1)]
    for node in told.nodes:
        style = drawing.VARIABLE if not node.inputs else drawing.FORWARD if node in forward else drawing.GRADIENT
        inside = f"<title>{escape(node.name)}</title>{drawing.box(layout, node, SPACING, style, thick=node in outputs)}"
        x, y = layout.left[node] + layout.width[node] / 2, layout.top[node]
        inside += centred(heads[node], x, y + 15, "#111")
        for line in lines[node]:
            place = y + (31 if line.ink == VALUES else 46)
            inside += seen(centred(line.text, x, place, line.ink), line.first, line.last, end)
        group = f"<g>{inside}{''.join(numbers(layout, node, steps))}</g>"
        shapes.append(seen(group, begins[node], end, end) if node in begins else group)
    return "".join([*shapes, "</svg>"])


def first_lit(steps: Sequence[Step]) -> dict[Node, int]:
    """Node -> the number of the step in which it is lit for the first time."""
    return {one.event.node: number for number, one in reversed([*enumerate(steps, 1)]) if one.event is not None}


def seen(markup: str, first: int, last: int, end: int) -> str:
    """Markup that is seen from one step to another; without a script, what is seen at the end."""
    hidden = "" if last >= end else ' display="none"'
    return f'<g data-from="{first}" data-to="{last}"{hidden}>{markup}</g>' if markup else ""


def head(node: Node, told: Pass) -> str:
    """The first line of a box: what the node is called, and its operator with attributes."""
    name, operator = told.called[node], drawing.label(node, {})[0]
    plain_name, _, which = name.partition(" #")
    if node.inputs:
        name = " #".join(filter(None, (operator, which))) if plain_name == node.op.name else f"{name} = {operator}"
    return name if len(name) <= drawing.MAX_LABEL else name[: drawing.MAX_LABEL - 1] + "…"


def lines_of(node: Node, steps: Sequence[Step]) -> list[Line]:
    """Its value, and its gradient as it grows."""
    values: list[Line] = []
    grads: list[Line] = []
    for number, one in enumerate(steps, start=1):
        match one.event:
            case Computed(node=lit, value=value) if lit is node and not values:
                values.append(Line(in_box(value), VALUES, number, len(steps)))
            case HandedOn():
                parts = [given.parts for given in one.event.contributions if given.operand is node]
                if one.event.node is node and not grads:  # the output's: nobody hands it one
                    parts.append((one.event.gradient,))
                if parts:
                    grads = [*grads[:-1], *(replace(before, last=number - 1) for before in grads[-1:])]
                    grads.append(Line(grad_in_box(parts[-1]), GRADIENTS, number, len(steps)))
    return values + grads


def in_box(value: Tensor) -> str:
    text = f"= {shown(value)}"
    return text if len(text) <= MAX_IN_BOX and value.numel() <= MAX_NUMBERS else f"shape {list(value.shape)}"


def grad_in_box(parts: Sequence[Tensor]) -> str:
    """The sum of what has arrived, term by term where there is room."""
    few = parts[0].numel() <= MAX_NUMBERS
    for text in (f"grad {added(parts)}", f"grad {shown(torch.stack([*parts]).sum(dim=0))}, of {len(parts)} parts"):
        if few and len(text) <= MAX_IN_BOX:
            return text
    return f"grad of {len(parts)} parts" if len(parts) > 1 else "grad of 1 part"


def glow(layout: Layout, one: Step) -> str:
    """Behind the box that is lit."""
    if one.event is None:
        return ""
    node, out = one.event.node, 6
    x, y, width = layout.left[node] - out, layout.top[node] - out, layout.width[node] + 2 * out
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{SPACING.box + 2 * out}" rx="{10 if node.inputs else 20}"'
    return f'<rect data-lit="" {place} fill="{GLOW[one.ink]}" stroke="{one.ink}" stroke-width="2"/>'


def on_edges(layout: Layout, one: Step) -> str:
    """What flows into the box that is lit, or back out of it, with what it brings."""
    shapes = ""
    for edge, points in layout.edges:
        operand, consumer = edge.ends
        if one.event is None or consumer is not one.event.node or edge.shape_only:
            continue
        if not isinstance(one.event, HandedOn):
            lacking = isinstance(one.event, Computed) and operand in one.event.lacking
            shapes += arrow(points, WRONG if lacking else VALUES, 2.6)
            continue
        given = one.event.contributions[edge.which]
        ink = WRONG if given.late and one.ink == WRONG else GRADIENTS
        shapes += arrow(points[::-1], ink, 2.6)
        if len(text := shown(given.amount)) <= MAX_ON_EDGE:
            (x, y), (next_x, next_y) = points[:2]
            shapes += centred(text, (x + next_x) / 2, (y + next_y) / 2 + 4 + 1.4 * edge.aside, ink, f'{HALO} font-weight="bold"')
    return shapes


def arrow(points: Points, ink: str, thickness: float) -> str:
    return f'<path d="{drawing.curve(points)}" fill="none" stroke="{ink}" stroke-width="{thickness}" marker-end="url(#@KEY@-{ink[1:]})"/>'


def centred(text: str, x: float, y: float, ink: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill="{ink}"{more}>{escape(text)}</text>'


def numbers(layout: Layout, node: Node, steps: Sequence[Step]) -> Iterator[str]:
    """The numbers of its steps above a box: forward on the left, back on the right."""
    for kind, x, anchor in (
        (Made | Computed, layout.left[node] + 3, "start"),
        (HandedOn, layout.left[node] + layout.width[node] - 3, "end"),
    ):
        own = [(number, one.ink) for number, one in enumerate(steps, 1) if isinstance(one.event, kind) and one.event.node is node]
        if own:
            ink = WRONG if any(one == WRONG for _, one in own) else own[0][1]
            text = f'<text x="{x:.1f}" y="{layout.top[node] - 10:.1f}" text-anchor="{anchor}" font-size="11" fill="{ink}"{HALO}>'
            yield seen(f"{text}{', '.join(str(number) for number, _ in own)}</text>", own[0][0], len(steps), len(steps))


# --- the page


def introduced(steps: Sequence[Step]) -> str:
    """What is shown before the first step."""
    ways = [sum(isinstance(one.event, kind) for one in steps) for kind in (Computed, HandedOn)]
    back = f", then the way back, in {ways[1]}" if ways[1] else ""
    return f"Forward in {ways[0]} steps{back}. Above each box stand the numbers of its steps."


def page(picture: str, steps: Sequence[Step], title: str, intro: str) -> str:
    """The picture, and the list of steps, of which a script shows one at a time; `intro` is shown before the first."""
    items = "".join(f'<li value="{number}" data-from="{number}" data-to="{number}">{one.text}</li>' for number, one in enumerate(steps, 1))
    return (
        f'<div class="@KEY@" role="group" aria-label="{escape(title)}" data-last="{len(steps)}" style="padding:4px">'
        f'{drawing.scrolled(picture)}<p data-from="0" data-to="0">{intro}</p>'
        f'<ol aria-live="polite">{items}</ol><script>{SCRIPT}</script></div>'
    )


SCRIPT = """
for (const root of document.querySelectorAll("div.@KEY@:not([data-live])")) (() => {
  const last = +root.dataset.last, parts = [...root.querySelectorAll("[data-from]")];
  const list = root.querySelector("ol"), frame = root.querySelector("svg").parentElement;
  const bar = document.createElement("div"), where = document.createElement("span");
  const slider = document.createElement("input");
  let at = 0;
  const show = to => {
    at = Math.max(0, Math.min(last, to));
    for (const part of parts) part.style.display = part.dataset.from <= at && at <= part.dataset.to ? "" : "none";
    slider.value = at;
    where.textContent = at ? `${at} of ${last}` : "press \\u25b6, or the right arrow key";
    slider.setAttribute("aria-valuetext", where.textContent);
    const lit = parts.filter(part => part.style.display === "").map(part => part.querySelector("[data-lit]")).find(one => one);
    if (!lit) return;
    const box = lit.getBoundingClientRect(), view = frame.getBoundingClientRect();
    if (box.left < view.left || box.right > view.right) frame.scrollLeft += box.left - view.left - (view.width - box.width) / 2;
  };
  const button = (sign, label, by) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = sign;
    made.setAttribute("aria-label", label);
    made.style.cssText = "font:inherit;color:inherit;background:none;border:1px solid;border-radius:4px;padding:2px 14px;cursor:pointer";
    made.addEventListener("click", () => show(at + by));
    return made;
  };
  slider.type = "range";
  slider.max = last;
  slider.setAttribute("aria-label", "step");
  slider.style.cssText = "flex:0 1 260px;min-width:80px;accent-color:#3b82c4";
  slider.addEventListener("input", () => show(+slider.value));
  const keys = {ArrowLeft: () => at - 1, ArrowRight: () => at + 1, Home: () => 0, End: () => last};
  root.addEventListener("keydown", event => {
    if (!Object.hasOwn(keys, event.key) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    show(keys[event.key]());
  });
  let before = 0;
  addEventListener("beforeprint", () => {
    before = at;
    show(last);
    for (const item of list.children) item.style.display = "";
  });
  addEventListener("afterprint", () => show(before));
  bar.style.cssText = "display:flex;align-items:center;gap:10px;margin:6px 0";
  bar.append(button("\\u25c0", "one step back", -1), slider, button("\\u25b6", "one step on", 1), where);
  frame.after(bar);
  list.style.minHeight = "3.2em";
  root.tabIndex = 0;
  root.dataset.live = "";
  root.setAttribute("data-lm-suppress-shortcuts", "true");  // JupyterLab has other uses for the arrow keys
  for (const part of parts) part.removeAttribute("display");
  show(0);
})();
"""
