"""A graph as a picture: layers from left to right, drawn as SVG, without a system package.

The layout is Sugiyama's, in its three classical steps: put every node into a layer after its inputs,
order the layers so that few edges cross, then straighten the edges. (Sugiyama, Tagawa and Toda,
"Methods for visual understanding of hierarchical system structures", 1981.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from types import MappingProxyType
from typing import Any, cast

from torch import Tensor

from .eager import Value
from .feeding import as_tensors
from .graph import Node
from .graph_data import inputs_first

MAX_DRAWN = 60  # nodes; a larger graph is summarised
LETTER, MARGIN = 7.2, 12  # pixels
APART = 10  # pixels between edges from one node to the same other
SWEEPS = 12
MAX_LABEL = 32  # characters of a box's line
MAX_TOLD = 200  # characters of what a picture is of, for who does not see it
SHAPE_ONLY = "like"  # the name, in an operator's signature, of an operand that lends its shape and nothing else

FORWARD = 'fill="#dce9f7" stroke="#1b4f8a"'
GRADIENT = 'fill="#fbe6d2" stroke="#b3500f" stroke-dasharray="5 3"'
VARIABLE = 'fill="#ffffff" stroke="#333333"'
INK, PALE = "#555", "#999"  # of edges
SMALLEST = 0.85  # of its size, to which a wide picture may shrink before it is scrolled


@dataclass(frozen=True)
class Drawing:
    """Shown as a picture in a notebook, as a sentence in a terminal."""

    markup: str
    summary: str

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.summary


@dataclass(frozen=True)
class Spacing:
    """The height of a box, the gaps between boxes of a layer and between layers, and room above all, in pixels."""

    box: int = 34
    row_gap: int = 14
    layer_gap: int = 46
    above: int = 0


@dataclass(eq=False)
class Bend:
    """A point in a layer that an edge passes on its way to a later one."""

    source: Node


Item = Node | Bend


@dataclass(eq=False)
class Edge:
    """From an operand to a node that has it as an input, through bends."""

    items: list[Item]
    which: int  # of the node's inputs
    shape_only: bool  # whether the node takes nothing but its shape
    aside: float = 0.0  # pixels by which it is moved, where several edges join the same two nodes

    @property
    def ends(self) -> tuple[Node, Node]:
        return cast(Node, self.items[0]), cast(Node, self.items[-1])  # bends are in between


Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in pixels from the upper left corner: boxes, and the points that an edge goes through."""

    left: Mapping[Node, float]
    top: Mapping[Node, float]
    width: Mapping[Node, float]
    edges: Sequence[tuple[Edge, Points]]
    size: tuple[float, float]


def draw_graph(
    outputs: Sequence[Node],
    values: Mapping[Node, Any] | None = None,
    shape_edges: bool = True,
    names: Mapping[Node, str] | None = None,
) -> Drawing:
    """A picture of everything that `outputs` depend on; rounded boxes are variables.

    What the first output depends on is drawn as the forward graph; all else, the gradients built
    on top of it, is dashed. Edges that carry nothing but a shape are faint; without `shape_edges`
    they are left out. With `values` of the variables the graph is run: each box then shows its
    value, or its shape where that is more than one number, and so does each edge when pointed at.
    They are tensors, arrays or numbers; TypeError for anything else. Nodes that hold their values by themselves show
    those that are there, and none is computed. `names` are what to call nodes in the picture.
    """
    order = inputs_first(outputs)
    summary = summarise(order)
    if len(order) > MAX_DRAWN:
        return Drawing(summary_html(order, summary), summary)
    forward = set(inputs_first(outputs[:1]))
    held: dict[Node, Tensor] = {node: node.cached_data for node in order if isinstance(node, Value) and node.cached_data is not None}
    computed = run(order, as_tensors(values)[0]) if values is not None else held
    return Drawing(scrolled(svg(order, outputs, forward, computed, shape_edges, names or {})), summary)


def beside(titled: Mapping[str, Drawing]) -> Drawing:
    """Pictures beside one another, each below its title; one below the other where the page is narrow."""
    parts = (
        f'<figure style="margin:0;flex:0 1 auto;min-width:0"><figcaption><b>{escape(title)}</b></figcaption>{drawing.markup}</figure>'
        for title, drawing in titled.items()
    )
    markup = f'<div style="display:flex;flex-wrap:wrap;gap:18px;align-items:flex-start">{"".join(parts)}</div>'
    return Drawing(markup, "\n".join(f"{title}: {drawing.summary}" for title, drawing in titled.items()))


def run(order: list[Node], values: Mapping[Node, Tensor]) -> dict[Node, Tensor]:
    computed = dict(values)
    for node in order:
        if node not in computed:
            computed[node] = node.op.compute(node, [computed[operand] for operand in node.inputs])
    return computed


# --- layout


def layers_of(order: list[Node]) -> list[list[Item]]:
    """Nodes by their distance from the variables; each variable just before whoever needs it first."""
    depth: dict[Node, int] = {}
    for node in order:
        depth[node] = 1 + max((depth[operand] for operand in node.inputs), default=-1)
    earliest: dict[Node, int] = {}
    for node in order:
        for operand in node.inputs:
            earliest[operand] = min(earliest.get(operand, depth[node]), depth[node])
    layers: list[list[Item]] = [[] for _ in range(1 + max(depth.values()))]
    for node in order:
        layers[depth[node] if node.inputs else earliest.get(node, 1) - 1].append(node)
    return layers


def with_bends(layers: list[list[Item]], shape_edges: bool) -> tuple[list[list[Item]], list[Edge]]:
    """The layers with bends added, and the edges; those for shapes only where they are wanted."""
    place = {item: number for number, layer in enumerate(layers) for item in layer}
    edges: list[Edge] = []
    for node in (item for item in place if isinstance(item, Node)):
        parallel: dict[Node, list[Edge]] = {}
        lending = {number for number, called in enumerate(node.op.signature.operands) if called == SHAPE_ONLY}
        for which, operand in enumerate(node.inputs):
            shape_only = which in lending
            if shape_only and not shape_edges:
                continue
            bends: list[Item] = []
            for number in range(place[operand] + 1, place[node]):
                bends.append(Bend(operand))
                layers[number].append(bends[-1])
            edges.append(Edge([operand, *bends, node], which, shape_only))
            parallel.setdefault(operand, []).append(edges[-1])
        for alike in parallel.values():
            for number, edge in enumerate(alike):
                edge.aside = APART * (number - (len(alike) - 1) / 2)
    return layers, edges


def straighten(layers: list[list[Item]], edges: list[Edge], spacing: Spacing) -> dict[Item, float]:
    """The height of every item: towards the average of its neighbours, in an order that few edges cross."""
    before: dict[Item, list[Item]] = {}
    after: dict[Item, list[Item]] = {}
    for edge in edges:
        for left, right in pairwise(edge.items):
            before.setdefault(right, []).append(left)
            after.setdefault(left, []).append(right)
    height = {item: float(row * (spacing.box + spacing.row_gap)) for layer in layers for row, item in enumerate(layer)}
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        neighbours = before if forwards else after
        for layer in layers if forwards else reversed(layers):
            wish = {item: average([height[other] for other in neighbours.get(item, [item])]) for item in layer}
            layer.sort(key=wish.__getitem__)
            spread(layer, wish, height, spacing)
    top = min(height.values())
    return {item: value - top for item, value in height.items()}


def spread(layer: list[Item], wish: dict[Item, float], height: dict[Item, float], spacing: Spacing) -> None:
    """As near to the wished heights as the boxes' size allows, in the order of `layer`."""
    lowest = float("-inf")
    for item in layer:
        height[item] = max(wish[item], lowest)
        lowest = height[item] + spacing.row_gap + (spacing.box if isinstance(item, Node) else 0)
    shift = average([wish[item] - height[item] for item in layer])
    for item in layer:
        height[item] += shift


def laid_out(order: list[Node], width: Mapping[Node, float], spacing: Spacing, shape_edges: bool = True) -> Layout:
    """Boxes of these widths in layers from left to right, and the edges between them."""
    layers, edges = with_bends(layers_of(order), shape_edges)
    height = straighten(layers, edges, spacing)
    left: dict[Item, float] = {}
    x = float(MARGIN)
    for layer in layers:
        column = max((width[item] for item in layer if isinstance(item, Node)), default=0.0)
        for item in layer:
            left[item] = x + (column - (width[item] if isinstance(item, Node) else 0.0)) / 2
        x += column + spacing.layer_gap
    top = MARGIN + spacing.above
    lowest = max(height[item] + (spacing.box if isinstance(item, Node) else 0) for item in height)

    def through(edge: Edge) -> Points:
        first, last = edge.ends
        out, into = (top + height[node] + spacing.box / 2 + edge.aside for node in (first, last))
        bends = [(left[bend], top + height[bend]) for bend in edge.items[1:-1]]
        return [(left[first] + width[first], out), *bends, (left[last], into)]

    return Layout(
        left={node: left[node] for node in order},
        top={node: top + height[node] for node in order},
        width=width,
        edges=[(edge, through(edge)) for edge in edges],
        size=(x - spacing.layer_gap + MARGIN, top + lowest + MARGIN),
    )


def average(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


# --- SVG


def label(node: Node, computed: Mapping[Node, Tensor], names: Mapping[Node, str] = MappingProxyType({})) -> list[str]:
    """One or two lines for a box: its name, or the operator with its attributes, and the value where it is one number."""
    if node in names:
        lines = [names[node]]
    elif node.inputs:
        attrs = ", ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in node.attrs.values() if value is not None)
        lines = [f"{node.op.name} {attrs}".strip()]
    else:
        lines = [node.name]
    value = computed.get(node)
    if value is not None:
        lines.append(f"= {value.item():.4g}" if value.numel() == 1 else str(list(value.shape)))
    return [line if len(line) <= MAX_LABEL else line[: MAX_LABEL - 1] + "…" for line in lines]


def svg(
    order: list[Node],
    outputs: Sequence[Node],
    forward: set[Node],
    computed: Mapping[Node, Tensor],
    shape_edges: bool,
    names: Mapping[Node, str],
) -> str:
    spacing = Spacing()
    labels = {node: label(node, computed, names) for node in order}
    layout = laid_out(order, {node: width_of(labels[node]) for node in order}, spacing, shape_edges)
    shapes = [opening(layout, summarise(order), told(outputs)), f"<defs>{tip('tip', INK)}{tip('pale-tip', PALE)}</defs>"]
    for edge, points in layout.edges:
        first, last = edge.ends
        dash = "" if last in forward else ' stroke-dasharray="5 3"'
        value = computed.get(first)
        title = f"<title>{escape(first.name)}: {list(value.shape)}</title>" if value is not None else ""
        ink, end = (PALE, "pale-tip") if edge.shape_only else (INK, "tip")
        line = f'fill="none" stroke="{ink}" stroke-width="1.3"{dash} marker-end="url(#{end})"'
        shapes.append(f'<path d="{curve(points)}" {line}>{title}</path>')
    for node in order:
        style = VARIABLE if not node.inputs else FORWARD if node in forward else GRADIENT
        x, y = layout.left[node] + layout.width[node] / 2, layout.top[node] + spacing.box / 2
        inside = box(layout, node, spacing, style, thick=node in outputs) + text(labels[node], x, y)
        shapes.append(f"<g><title>{escape(node.name)}</title>{inside}</g>")
    return "".join([*shapes, "</svg>"])


def width_of(lines: list[str]) -> float:
    """Of a box, in pixels."""
    return 18 + LETTER * max(map(len, lines))


def scrolled(picture: str) -> str:
    """A picture in a frame that is as wide as the page, and scrolls where the picture is wider."""
    return f'<div style="overflow-x:auto">{picture}</div>'


def opening(layout: Layout, title: str, description: str) -> str:
    """The beginning of a picture, with what it is for who does not see it. It shrinks with the page, to `SMALLEST` of its size."""
    width, height = layout.size
    style = f"max-width:100%;min-width:{SMALLEST * width:.0f}px;height:auto;background:#fff;font-family:monospace"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' style="{style}" font-size="12" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    )


def box(layout: Layout, node: Node, spacing: Spacing, style: str, thick: bool) -> str:
    x, y, corner = layout.left[node], layout.top[node], 4 if node.inputs else 16
    place = f'x="{x:.1f}" y="{y:.1f}" width="{layout.width[node]:.1f}" height="{spacing.box}" rx="{corner}"'
    return f'<rect {place} {style} stroke-width="{3 if thick else 1.4}"/>'


def told(outputs: Sequence[Node]) -> str:
    """What the picture is of."""
    text = f"A graph from left to right, from its variables to {', '.join(node.name for node in outputs)}"
    return text if len(text) <= MAX_TOLD else text[: MAX_TOLD - 1] + "…"


def tip(name: str, colour: str, size: int = 7) -> str:
    """The tip of an arrow, `size` times as large as its line is thick."""
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="{size}" markerHeight="{size}" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
    )


def text(lines: list[str], x: float, y: float) -> str:
    """Lines centred on a point."""
    first = y + 4 - 7 * (len(lines) - 1)
    style = 'text-anchor="middle" fill="#111"'
    return "".join(f'<text x="{x:.1f}" y="{first + 14 * row:.1f}" {style}>{escape(line)}</text>' for row, line in enumerate(lines))


def curve(points: list[tuple[float, float]]) -> str:
    """A smooth path through the points, leaving and arriving horizontally."""
    (x, y), rest = points[0], points[1:]
    path = f"M{x:.1f} {y:.1f}"
    for next_x, next_y in rest:
        half = (x + next_x) / 2
        path += f"C{half:.1f} {y:.1f} {half:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}"
        x, y = next_x, next_y
    return path


# --- large graphs


def summarise(order: list[Node]) -> str:
    variables = sum(not node.inputs for node in order)
    return f"graph of {len(order)} nodes ({variables} variables), {len(layers_of(order))} layers deep"


def summary_html(order: list[Node], summary: str) -> str:
    """A bar for each operator: how many nodes it has."""
    counts = Counter(node.op.name for node in order).most_common()
    largest = counts[0][1]
    left = " style='text-align:left'"  # JupyterLab has the cells of a table at the right
    bar = "display:inline-block;background:#3b82c4;height:10px;width"
    rows = "".join(
        f"<tr><td{left}>{escape(name)}</td><td{left}><span style='{bar}:{max(2, 240 * count // largest)}px'></span> {count}</td></tr>"
        for name, count in counts
    )
    note = f"More than {MAX_DRAWN} nodes are counted, not drawn; pass nodes from inside the graph to see a part of it."
    return f"<div><b>{escape(summary)}</b><table>{rows}</table><div>{note}</div></div>"
