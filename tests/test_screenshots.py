"""What fails in a browser leaves pictures of what there was to see."""

import pytest
from PIL import Image

from grader.authors import in_browser
from tests.looks import open_browser


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(in_browser, "SCREENSHOTS", tmp_path)
    return tmp_path


def fails():
    with open_browser() as browser:
        for colour in ("rgb(255, 0, 0)", "rgb(0, 0, 255)"):
            browser.new_page(viewport={"width": 100, "height": 80}).set_content(f"<body style='background: {colour}'>")
        raise LookupError("not there")


def test_a_block_that_fails_leaves_a_picture_of_each_page_named_after_the_test(folder):
    with pytest.raises(LookupError, match="not there"):
        fails()
    seen = {path.name: Image.open(path).convert("RGB").getpixel((50, 50)) for path in folder.iterdir()}
    name = "test_screenshots-py-test_a_block_that_fails_leaves_a_picture_of_each_page_named_after_the_test-call"
    assert seen == {f"{name}-1.png": (255, 0, 0), f"{name}-2.png": (0, 0, 255)}
    assert in_browser.OPEN == []


def test_of_a_browser_that_stays_open_there_are_pictures_too_and_of_none_there_are_none(folder):
    with open_browser() as browser:
        assert in_browser.photograph() == []
        browser.new_page()
        assert in_browser.photograph() == list(folder.iterdir())
        assert len(list(folder.iterdir())) == 1
        browser.close()
        assert in_browser.photograph() == [], "what has gone is no second failure"
