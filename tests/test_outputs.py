"""What a cell of a submission showed comes out in the form that nbformat has, harmless, and still readable."""

import base64
import io
import json
import re
import struct
import zlib
from html.parser import HTMLParser

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.filters import ansi2html
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from autodiff_lib.checks import wire
from grader.submission import outputs
from grader.submission.outputs import checked_cell, checked_output, harmless_html, picture, plain

LIMIT = 2**20
FRAME = ('<div class="tex2jax_ignore mathjax_ignore">', "</div>")


class Elements(HTMLParser):
    """Every element with its attributes, as a browser's tokeniser finds them, and the text between them."""

    def __init__(self, markup):
        super().__init__()
        self.found, self.text, self.others = [], "", []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def assert_harmless(markup):
    assert markup.startswith(FRAME[0])
    assert markup.endswith(FRAME[1])
    parsed = Elements(markup[len(FRAME[0]) : -len(FRAME[1])])
    assert not parsed.others
    for tag, attributes in parsed.found:
        assert tag in outputs.TAGS
        assert set(attributes) <= outputs.ATTRIBUTES.get(tag, set())
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert not attributes.get("src", "").startswith("data:image/svg")


def encoded(kind, size=(3, 2)):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, kind)
    return base64.encodebytes(file.getvalue()).decode()


PANDAS = """<div>
<style scoped>
    .dataframe tbody tr th { vertical-align: top; }
</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th colspan="2">loss</th></tr></thead>
  <tbody><tr><th>0</th><td>0.25</td><td>&lt;b&gt; &amp; c</td></tr></tbody>
</table>
</div>"""


def test_tables_lists_headings_and_code_stay():
    shown = harmless_html(PANDAS)
    assert_harmless(shown)
    assert re.sub(r"\s", "", shown[len(FRAME[0]) : -len(FRAME[1])]) == (
        '<div><table><thead><tr><th></th><thcolspan="2">loss</th></tr></thead>'
        "<tbody><tr><th>0</th><td>0.25</td><td>&lt;b&gt;&amp;c</td></tr></tbody></table></div>"
    )
    for markup in ("<h3>a</h3>", "<ul><li><b>a</b></li></ul>", "<pre><code>a  b</code></pre>", "<p>a<sub>i</sub><br>b</p>"):
        assert harmless_html(markup) == markup.join(FRAME)


def test_embedded_pictures_stay_and_no_others():
    for kind in ("png", "jpeg", "gif"):
        content = "".join(encoded(kind).split())
        shown = harmless_html(f'<img src="data:image/{kind};base64,{content}" width=9999 onload=1>')
        assert shown == f'<img src="data:image/{kind};base64,{content}">'.join(FRAME)
        assert harmless_html(f'<p>x</p><img src="data:image/{kind};base64,{content[:8]}">') == "<p>x</p><img>".join(FRAME)
    for address in ("http://192.0.2.1/a.png", "//192.0.2.1/a.png", "a.png", "data:image/svg+xml;base64,PHN2Zz4=", "file:///a.png"):
        assert harmless_html(f'<p>x</p><img src="{address}">') == "<p>x</p><img>".join(FRAME)


@pytest.mark.parametrize(
    "markup",
    [
        "<svg><text>x</text></svg>", "<script>x</script>", "<style>x</style>", "<div> </div>", "",
        "<math><mi>x</mi></math>", "<!-- x -->", "<table></table>",
        "<title>x</title>", "<noscript>x</noscript>", "<template>x</template>", "<textarea>x</textarea>", "<iframe>x</iframe>",
    ],
)  # fmt: skip
def test_where_nothing_is_left_to_see_the_text_is_shown(markup):
    output = {"output_type": "display_data", "data": {"text/html": markup, "text/plain": "a graph"}, "metadata": {"x": 1}}
    assert checked_output(output) == {"output_type": "display_data", "data": {"text/plain": "a graph"}, "metadata": {}}
    del output["data"]["text/plain"]
    assert checked_output(output)["data"] == {"text/plain": outputs.NOT_SHOWN}


FRAGMENTS = [
    "<", ">", "</", "/>", "<!--", "-->", "'", '"', "`", "=", " ", "&lt;", "&#60;", "&#x3c", "\0", "\n", "x", "<![CDATA[", "]]>", "<?",
    "<!", "<svg>", "</svg>", "<math>", "<mtext>", "<mglyph>", "<style>", "</style>", "<title>", "</title>", "<noscript>", "</noscript>",
    "<textarea>", "</textarea>", "<table>", "<tr>", "<td>", "</table>", "<select>", "<option>", "<template>", "</template>", "<form>",
    "</p>", "<p>", "<b>", "</b>", "<a href=", "javascript:1", "<img src=x ", "onerror=1", "<img title=", "style=position:fixed",
    "class=panel", "<plaintext>", "<xmp>", "</xmp>", "<iframe srcdoc=", "<annotation-xml encoding=text/html>", "<foreignObject>",
    "<desc>", "<frameset>", "<body onload=1>", "<br>",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join))
def test_no_order_of_pieces_gives_anything_but_the_elements_of_the_list(markup):
    """And what comes out is its own sanitised form: reading it again changes nothing."""
    shown = harmless_html(markup)
    if shown is not None:
        assert_harmless(shown)
        assert harmless_html(shown[len(FRAME[0]) : -len(FRAME[1])]) == shown


def test_html_that_lies_too_deep_or_has_too_much_in_it_is_shown_as_text():
    assert harmless_html("<div>" * 90 + "x") is not None
    assert harmless_html("<div>" * 200 + "x") is None

    def cell_of(*markups):
        displayed = [{"output_type": "display_data", "data": {"text/html": m, "text/plain": "t"}, "metadata": {}} for m in markups]
        return [set(output["data"]) for output in checked_cell(wire.pack({"status": "ok", "outputs": displayed}), LIMIT)["outputs"]]

    many = "<b>x</b>" * (outputs.MAX_TAGS // 4)
    assert cell_of("<p>x</p>", many, many, "<p>x</p>") == [{"text/html", "text/plain"}] * 2 + [{"text/plain"}] * 2


def test_a_table_takes_no_more_rows_and_columns_than_it_may():
    assert harmless_html('<table><tbody><tr><td rowspan="99999" colspan="3">x</td></tr></tbody></table>').count("span=") == 1
    for number in ("0", "101", "-1", "²", "1e1", " 2"):
        assert "span=" not in harmless_html(f'<table><tr><td rowspan="{number}">x</td></tr></table>')


# --- pictures


def png(width, height):
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))).decode()


def test_a_picture_is_one_of_its_kind_and_of_a_size_that_can_be_shown():
    for kind in ("png", "jpeg", "gif"):
        for other in ("png", "jpeg", "gif"):
            assert (picture(encoded(kind), f"image/{other}") is not None) == (kind == other)
    assert picture(png(5000, 5000), "image/png") is not None
    for text in (
        png(60_000, 60_000),
        png(0, 5),
        "",
        "x",
        "é",
        "PHN2Zz4=",
        "x'><script>",
        base64.b64encode(b"\xff\xd8\xff\xe0\0\2").decode(),
    ):
        assert picture(text, "image/png") is None
        assert picture(text, "image/jpeg") is None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_no_bytes_make_the_look_at_a_picture_raise(content):
    for kind, start in (("image/jpeg", b"\xff\xd8\xff"), ("image/png", b"\x89PNG\r\n\x1a\n"), ("image/gif", b"GIF89a")):
        picture(base64.b64encode(start + content).decode(), kind)


def test_the_size_of_a_jpeg_is_found_behind_what_programs_write_before_it():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
    for options in ({}, {"progressive": True}, {"exif": b"Exif\0\0" + b"\0" * 500, "comment": b"\xff\xc0" * 40}):
        file = io.BytesIO()
        noise.save(file, "JPEG", **options)
        assert outputs.size_of_jpeg(file.getvalue()) == (30, 20)


# --- text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\x1b[0mc", 'a<span class="ansi-red-fg">b</span>c'),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b", "ab"),
        ("\x1b[2J\x1b[10;10Ha\x1b[?25lb\x1bcd\x1b(Be", "abde"),
        ("a\x9b31mb\x85c\x08\x7fd\0", "a31mbcd"),
        ("</pre><script>1</script>", "&lt;/pre&gt;&lt;script&gt;1&lt;/script&gt;"),
        ('\x1b["><b>1mx', "&gt;&lt;b&gt;1mx"),
        ("\x1b[38;2;1;2;3mx\x1b[0m", '<span style="color: rgb(1,2,3)">x</span>'),
        ("a\x1b", "a"),
        ("a\tb\nc", "a\tb\nc"),
    ],
)  # fmt: skip
def test_of_what_a_terminal_obeys_colours_stay_and_html_is_text(text, shown):
    assert str(ansi2html(plain(text))) == shown


def test_a_flood_of_colours_is_shown_without_them():
    assert plain("\x1b[1mx\x1b[0m" * 100) == "\x1b[1mx\x1b[0m" * 100
    assert plain("\x1b[1mx\x1b[0m" * 100_000) == "x" * 100_000


# --- the form


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["output_type", "data", "name", "text", "ename", "evalue", "traceback", "status", "outputs", "metadata", *outputs.SHOWN]
                ),
                inner | st.sampled_from(["stream", "display_data", "execute_result", "error", "stdout", "ok"]),
                max_size=6,
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_arrives_becomes_a_cell_that_nbformat_takes(arrived):
    header = {"status": "ok", "outputs": [arrived]}
    json.dumps(header)
    cell = checked_cell(wire.pack(header), LIMIT)
    assert cell["status"] in {"ok", "tampered"}
    nbformat.validate(new_notebook(cells=[new_code_cell(outputs=[nbformat.from_dict(output) for output in cell["outputs"]])]))
