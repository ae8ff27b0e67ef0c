import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.headers import BadHeader, attributes, decode_value, encode_value


@given(st.text())
def test_any_text_survives_a_header(text: str) -> None:
    encoded = encode_value(text)

    assert decode_value(encoded) == text
    assert all("!" <= character <= "~" for character in encoded)


def test_encoding_is_that_of_the_bindings() -> None:
    assert encode_value("Euro € 😀") == "Euro%20%E2%82%AC%20%F0%9F%98%80"
    assert encode_value('50 % "off"') == "50%20%25%20%22off%22"
    assert encode_value("/servicenow/x?y=[1]&z={}") == "/servicenow/x?y=[1]&z={}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("  padded\t", "padded"),
        ("lower%e2%82%ac", "lower€"),
        ("%61%62c", "abc"),
        ('"quoted value"', "quoted value"),
        (r'"a \"word\" and \\"', 'a "word" and \\'),
        ("one round: %2541", "one round: %41"),
        ("", ""),
    ],
)
def test_decoding_unquotes_then_decodes_once(value: str, text: str) -> None:
    assert decode_value(value) == text


@pytest.mark.parametrize("value", ["%", "%4", "%4g", "%C0%A0", "%ff", "é", "\x00", '"open', '"a"b'])
def test_a_value_that_no_sender_may_write_is_refused(value: str) -> None:
    with pytest.raises(BadHeader):
        decode_value(value)


def test_names_come_in_any_case_and_garbage_is_left_out() -> None:
    headers = [("CE-Id", "1"), ("ce-id", "2"), ("ce-", "3"), ("ce-a-b", "4"), ("cé-x", "5")]

    assert attributes(headers) == {"id": ["1", "2"]}
