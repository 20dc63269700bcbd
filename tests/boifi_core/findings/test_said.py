"""What the target says of a failure, without its markup."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.findings.said import readable


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("<!doctype html> <html lang=en> <title>503 Service Unavailable</title>", "503 Service Unavailable"),
        (
            "<html><head><title>Oops</title><style>h1 {color: red}</style></head>"
            "<body><h1>We are <b>closed</b></h1><p>Come back.</p></body></html>",
            "We are closed",
        ),
        # nginx, Apache, and a page whose head was cut off
        ("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gat", "502 Bad Gat"),
        ('<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN"><h1>Not here</h1><hr><address>x</address>', "Not here"),
        ("<div class=err>Stock &amp; prices are away</div>", "Stock & prices are away"),
        ("500: <pre>TypeError: x is undefined</pre>", "500: TypeError: x is undefined"),
        ("<html><head><script>var a = 1;</script></head><body></body></html>", "an empty page"),
        ('{"error": "no stars"}', "no stars"),
        ('{"error": {"code": 7, "message": "no  stars"}}', "no stars"),
        ('{"errors": [{"message": "cart is away", "path": ["cart"]}], "data": null}', "cart is away"),
        ('{"type": "about:blank", "title": "Out of stock", "status": 409}', "Out of stock"),
        ('level=error {"message": "no route', 'level=error {"message": "no route'),
        ('{"message": "no route", "trace": "a.b.c', "no route"),
        ("plain  text\twith a < b", "plain text with a < b"),
        ("dial tcp 10.0.0.1:80: connection refused", "dial tcp 10.0.0.1:80: connection refused"),
    ],
)
def test_p21_the_telling_sentence(line, text):
    assert readable(line) == text


@given(st.text(alphabet='<>/!abh1{}[]":, pscript\n', max_size=80))
def test_anything_is_one_line_without_an_end_in_sight(line):
    assert "\n" not in readable(line)


@given(
    st.recursive(
        st.none() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "message", "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_json_is_read_or_left(value):
    assert isinstance(readable(json.dumps(value)), str)
