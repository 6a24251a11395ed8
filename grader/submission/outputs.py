"""What a cell of a submission showed, as it arrives from the jail: of the form that nbformat has, and harmless to whoever opens the page.

Some pages are made by nbgrader and run scripts of its own, a formula engine among them. So nothing here relies on the page:
HTML keeps what an allow-list names, text keeps no terminal escapes but colours, and a picture is one.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import nh3

from autodiff_lib.checks import wire

CELL_STATUS = {"ok", "error", "timeout"}
MAX_TAGS = 10_000  # in the HTML of one cell: open elements cost the sanitiser the square of their number
MAX_DEPTH = 100  # of elements in each other
MAX_SPAN = 100  # columns or rows of one cell of a table
MAX_COLOURS = 1000  # in one text: nbconvert copies the text for each
MAX_PIXELS = 30_000_000  # a picture of a few bytes may be larger than the reader's memory
MOST_SAID = 1000  # characters of what is said of a picture
NOT_SHOWN = "[an output of a kind that is not shown here]"

TAGS = {
    "p", "div", "span", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "kbd", "samp", "var",
    "b", "strong", "i", "em", "u", "s", "small", "sub", "sup", "ul", "ol", "li", "dl", "dt", "dd",
    "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "img",
}  # fmt: skip
"""What HTML of a submission may consist of. No class, style, id, name or link is among their attributes."""
WITH_CONTENT = {"script", "style", "svg", "math", "template", "noscript", "iframe", "object", "select", "textarea", "title", "xmp"}
"""Elements whose text is no text for a reader; of all others that are not in TAGS the text stays."""
ATTRIBUTES: dict[str, set[str]] = {"*": set(), "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}, "img": {"src", "alt"}}
EMBEDDED = re.compile(r"data:(image/(?:png|jpeg|gif));base64,(.*)", re.DOTALL)
ESCAPES = re.compile(
    r"\x1b\[(?P<colour>[0-9;]{0,20})m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
"""What a terminal obeys: colours, other commands, texts for its window's title, control characters."""


def checked_cell(reply: bytearray, limit: int) -> dict[str, Any]:
    """A cell's outcome as it arrived, with every output in the form that nbformat has; the rest is dropped."""
    if len(reply) > 2 * limit + 10_000:  # the child cuts its outputs; whoever sends more has tampered with it
        return {"status": "tampered", "outputs": []}
    try:
        header, _ = wire.unpack(reply)
        left = MAX_TAGS
        outputs = []
        for output in header.get("outputs", []):
            left -= tags_in(output)
            if (kept := checked_output(output, html=left >= 0)) is not None:
                outputs.append(kept)
    except (wire.WireError, TypeError, AttributeError):
        return {"status": "tampered", "outputs": []}
    status = header.get("status")
    return {"status": status if isinstance(status, str) and status in CELL_STATUS else "tampered", "outputs": outputs}


def tags_in(output: Any) -> int:
    match output:
        case {"data": {"text/html": str(markup)}}:
            return markup.count("<")
    return 0


def checked_output(output: Any, html: bool = True) -> dict[str, Any] | None:
    """An output in the form that nbformat has, and harmless; None where it has another form. Without `html` text stands for it."""
    match output:
        case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
            return {"output_type": "stream", "name": name, "text": plain(text)}
        case {"output_type": "display_data" | "execute_result" as kind, "data": dict(data)}:
            extra = {"execution_count": None} if kind == "execute_result" else {}
            return {"output_type": kind, "data": shown(data, html), "metadata": said_of_pictures(output.get("metadata")), **extra}
        case {"output_type": "error", "ename": str(ename), "evalue": str(evalue), "traceback": list(lines)}:
            return {
                "output_type": "error",
                "ename": plain(ename),
                "evalue": plain(evalue),
                "traceback": [plain(str(line)) for line in lines],
            }
    return None


def said_of_pictures(metadata: Any) -> dict[str, Any]:
    """Of an output's metadata, the words that stand for its picture where it is not seen."""
    match metadata:
        case {"image/png": {"alt": str(said)}}:
            return {"image/png": {"alt": plain(said)[:MOST_SAID]}}
    return {}


def shown(data: dict[Any, Any], html: bool) -> dict[str, str]:
    """Of the forms in which an output came, those that may be shown, made harmless. There is always one."""
    texts = {kind: text for kind, text in data.items() if kind in SHOWN and isinstance(text, str) and (html or kind != "text/html")}
    made = {kind: SHOWN[kind](text) for kind, text in texts.items()}
    return {kind: text for kind, text in made.items() if text is not None} or {"text/plain": NOT_SHOWN}


# --- text


def plain(text: str) -> str:
    """Text without what a terminal obeys; a few colours stay."""
    text = wire.clean(text)
    few = text.count("\x1b") <= MAX_COLOURS
    return ESCAPES.sub(lambda escape: escape[0] if few and escape["colour"] is not None else "", text)


# --- HTML


def harmless_html(markup: str) -> str | None:
    """HTML as text, lists, tables and embedded pictures; None where nothing is left that can be seen.

    No formula in it is set: a formula's commands make links and styles.
    """
    cleaned = nh3.clean(
        wire.clean(markup),
        tags=TAGS,
        clean_content_tags=WITH_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=harmless_attribute,
        url_schemes={"data"},
        url_relative="deny",
        link_rel=None,
        generic_attribute_prefixes=set(),
    )
    if depth(cleaned) > MAX_DEPTH or not nh3.clean(cleaned, tags={"img"}).strip():
        return None
    return apart(cleaned)


def harmless_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        embedded = EMBEDDED.fullmatch(value)
        if embedded is None:
            return None
        content = picture(embedded[2], embedded[1])
        return f"data:{embedded[1]};base64,{content}" if content is not None else None
    if name in ("colspan", "rowspan"):
        return value if value.isascii() and value.isdigit() and len(value) < 4 and 0 < int(value) <= MAX_SPAN else None
    return value


def depth(markup: str) -> int:
    """How deep the elements of sanitised, so balanced, HTML lie in each other."""
    deepest = now = 0
    for close in re.findall(r"<(/?)(?!br|hr|img)[a-z]", markup):
        now += -1 if close else 1
        deepest = max(deepest, now)
    return deepest


def apart(markup: str) -> str:
    """HTML in which no page sets a formula: MathJax, of any version, passes over these classes."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{markup}</div>'


# --- pictures


def picture(text: str, kind: str) -> str | None:
    """A picture in base64, if it is one of its kind and of a size that can be shown."""
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
        width, height = SIZES[kind](content)
    except (ValueError, struct.error):
        return None
    return base64.b64encode(content).decode() if 0 < width * height <= MAX_PIXELS else None


def size_of_png(content: bytes) -> tuple[int, int]:
    if content[:16] != b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR":
        raise ValueError("this is no PNG")
    return struct.unpack(">II", content[16:24])


def size_of_gif(content: bytes) -> tuple[int, int]:
    if content[:6] not in (b"GIF87a", b"GIF89a"):
        raise ValueError("this is no GIF")
    return struct.unpack("<HH", content[6:10])


def size_of_jpeg(content: bytes) -> tuple[int, int]:
    """From the first frame header; the segments before it are passed over by their lengths."""
    if content[:3] != b"\xff\xd8\xff":
        raise ValueError("this is no JPEG")
    place = 2
    while True:
        mark, kind, length = struct.unpack(">BBH", content[place : place + 4])
        if mark != 0xFF or length < 2:
            raise ValueError("this JPEG has no frame")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + length


SIZES: dict[str, Callable[[bytes], tuple[int, int]]] = {"image/png": size_of_png, "image/jpeg": size_of_jpeg, "image/gif": size_of_gif}

SHOWN: dict[str, Callable[[str], str | None]] = {
    "text/plain": plain,
    "text/html": harmless_html,
    "image/png": partial(picture, kind="image/png"),
    "image/jpeg": partial(picture, kind="image/jpeg"),
}
"""The forms of an output that may be shown, and what makes each harmless. Markdown and LaTeX, whose links may run something, are none."""
