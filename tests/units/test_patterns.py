"""Validation patterns: they match as PCRE says, refuse what they cannot do, and end."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductus.errors import Unprocessable, ValidationFailed
from conductus.schema.patterns import PatternError, TooMuchWork, compile_pattern, matches
from conductus.schema.validation import check_pattern, check_validation, is_email

STRONG = r"/(?=^.{8,}$)(?=.*\d)(?=.*[a-z])(?=.*[A-Z])(?=.*[!@#$%^&*()_+}{';'?>.<,])(?!.*\s).*$/"

MATCHING = [
    ("", ""),
    ("b", "abc"),
    ("^abc$", "abc\n"),
    ("/abc/", "xabcx"),
    ("#a/b#", "a/b"),
    ("~^É+$~iu", "éÉ"),
    ("/a.b/s", "a\nb"),
    ("/^b$/m", "a\nb\nc"),
    ("/ a b # both\n/x", "ab"),
    ("/a[ ]b/x", "a b"),
    ("(?i)abc", "ABC"),
    ("a(?i:b)c", "aBc"),
    ("a(?i)b|c", "C"),
    (r"^[\w.+-]+@[\w-]+\.[a-z]{2,}$", "ada@example.org"),
    (r"^\d{3,5}$", "1234"),
    (r"^\d{3}$", "123"),
    (r"^(?:\+31|0)[1-9][0-9]{8}$", "0612345678"),
    (r"^[a-z0-9]+(?:-[a-z0-9]+)*$", "a-b2-c"),
    (r"(?<=a)b", "ab"),
    (r"(?<!a)b", "cb"),
    (r"^(?!.*(foo|bar))", "qux"),
    (r"\bone\b", "the one."),
    (r"\Bn", "one"),
    (r"\Aone\z", "one"),
    (r"^\p{Lu}\p{Ll}+$", "Éva"),
    (r"^\PN+\pL$", "ab"),
    (r"^[\p{L}\d]+$", "é1"),
    (r"^[[:alpha:]_-]+$", "a_-b"),
    (r"^[[:^digit:]]+$", "ab"),
    (r"^[]a]+$", "]a"),
    (r"^[^]a]+$", "bc"),
    (r"^[a\-z]+$", "a-z"),
    (r"^[a-\d]+$", "a-5"),
    (r"^\x41\x{1F388}\u0042$", "A🎈B"),
    (r"^\Qa.b\E$", "a.b"),
    (r"a{,3}", "a{,3}"),
    (r"x{y", "x{y"),
    (r"^(?<year>\d{4})-(?P<month>\d\d)$", "2031-02"),
    (r"a(?#not b)c", "ac"),
    (r"^a*?b+?$", "aab"),
    (r"(a*)*b", "aab"),
    (r"^(|a)+$", ""),
    (r"/^a$/D", "a"),
    (STRONG, "Abcdef1!"),
]

FAILING = [
    ("^abc$", "abcd"),
    ("abc", "ABC"),
    ("/^b$/", "a\nb"),
    ("/a.b/", "a\nb"),
    ("/b/A", "ab"),
    ("/^a$/D", "a\n"),
    (r"\Aone\z", "one\n"),
    (r"^\d+$", "١٢"),
    (r"^\w+$", "é"),
    (r"(?<=a)b", "cb"),
    (r"(?<!a)b", "ab"),
    (r"^(?!.*foo)", "a foo"),
    (r"^\d{3,5}$", "12"),
    (r"^\d{3,5}$", "123456"),
    (r"^[^a-z]$", "b"),
    (r"(?i)^[^a-z]$", "B"),
    (STRONG, "Abcdef1"),
    (STRONG, "Abcd ef1!"),
    (STRONG, "abcdef1!"),
]

UNUSABLE = [
    *("(", ")", "a)", "(a", "[a", "[]", "*a", "a|*", "a{3,1}", "[z-a]", "\\", "(?#a"),
    *(r"\1", r"(a)\1", r"\k<a>", "(?>a)", "a++", "a*+", "(?R)", "(?(1)a)", "(*FAIL)", r"\K"),
    *("[[:foo:]]", r"\p{Foo}", r"\p{Latin}", r"\j", "/a/q", "(?q)a", r"\x{110000}"),
    "((){60000}){60000}",
    "((a{1,100}){1,100}){1,100}",
    "(" * 60 + ")" * 60,
    "a" * 3000,
]

BOMBS = [
    ("(a+)+$", "a" * 100_000 + "b"),
    ("^(a|a)*$", "a" * 100_000 + "b"),
    ("(.*)*x", "a" * 100_000),
    ("(x+x+)+y", "x" * 100_000),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 100_000),
    ("(?=.*y)x", "x" * 100_000),
    ("(?<=y.*)x", "x" * 100_000),
    ("(a?){1000}a{1000}", "a" * 1000),
]


@pytest.mark.parametrize(("pattern", "text"), MATCHING)
def test_a_pattern_matches(pattern: str, text: str) -> None:
    assert matches(compile_pattern(pattern), text)


@pytest.mark.parametrize(("pattern", "text"), FAILING)
def test_a_pattern_does_not_match(pattern: str, text: str) -> None:
    assert not matches(compile_pattern(pattern), text)


@pytest.mark.parametrize("pattern", UNUSABLE)
def test_a_pattern_cannot_be_used(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)
    with pytest.raises(Unprocessable) as caught:
        check_pattern(pattern, "it")
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(("pattern", "text"), BOMBS)
def test_a_bomb_gives_up_after_so_many_steps(pattern: str, text: str) -> None:
    program = compile_pattern(pattern)
    with pytest.raises(TooMuchWork):
        matches(program, text)
    with pytest.raises(Unprocessable):
        check_validation(pattern, text, "it")


@pytest.mark.parametrize("pattern", ["(a+)+$", "^(a|a)*$", "(.*)*x", "^(a|aa)+$"])
def test_what_explodes_elsewhere_is_answered_here(pattern: str) -> None:
    assert not matches(compile_pattern(pattern), "a" * 500 + "b")


ATOMS = st.sampled_from(
    ["a", "b", ".", r"\d", r"\w", "[ab]", "[^a]", "[a-c]", r"\b", "^", "$", "1"]
)


def _grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quantifiers = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}", "*?"])
    return st.one_of(
        st.tuples(parts, parts).map("".join),
        st.tuples(parts, parts).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(parts, quantifiers).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.tuples(st.sampled_from(["?=", "?!"]), parts).map(lambda pair: f"({pair[0]}{pair[1]})"),
    )


@given(st.recursive(ATOMS, _grown, max_leaves=6), st.text("abc1 \n", max_size=8))
def test_it_agrees_with_python(pattern: str, text: str) -> None:
    expected = re.search(pattern, text, re.ASCII) is not None
    assert matches(compile_pattern(pattern), text) is expected


@given(st.text("ab(){}[]|*+?.\\^$-:=!<>,12dwpQEx/#i ", max_size=20), st.text("ab1", max_size=5))
def test_no_pattern_is_a_surprise(pattern: str, text: str) -> None:
    try:
        program = compile_pattern(pattern)
    except PatternError:
        return
    matches(program, text)


@pytest.mark.parametrize("value", [None, [], {}, ["abc"]])
def test_values_without_text_pass(value: Any) -> None:
    check_validation("^x$", value, "it")


@pytest.mark.parametrize(
    ("pattern", "value"),
    [("^[0-9]+$", 12), ("^1.5$", 1.5), ("^1$", True), ("", "anything"), ("$email", "a@b.org")],
)
def test_values_pass(pattern: str, value: Any) -> None:
    check_validation(pattern, value, "it")


@pytest.mark.parametrize(
    ("pattern", "value"), [("^[0-9]+$", "a"), ("^[0-9]+$", ""), ("^.$", 12), ("$email", "a@b")]
)
def test_values_fail_naming_their_field(pattern: str, value: Any) -> None:
    with pytest.raises(ValidationFailed, match=r"^it: "):
        check_validation(pattern, value, "it")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@example.org", True),
        ("a.b+c@sub.example.co.uk", True),
        ("é@münchen.de", True),
        ("ada", False),
        ("ada@", False),
        ("@example.org", False),
        ("a@b@c.org", False),
        ("a b@c.org", False),
        ("a@.org", False),
        ("a@b..org", False),
        ("a@b.org\n", False),
        ("a" * 65 + "@b.org", False),
        ("a@" + "b." * 200 + "org", False),
    ],
)
def test_addresses(text: str, expected: bool) -> None:
    assert is_email(text) is expected
