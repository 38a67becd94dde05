from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waqtor.smartbot.check import problems
from waqtor.smartbot.templates import TemplateError, Unfilled, compile_template, draw

KNOWN = frozenset({"contact.name", "shop.name"})


def render(text: str, **values: str) -> str:
    return compile_template(text, KNOWN).render({name.replace("_", "."): value for name, value in values.items()})


def test_filters_and_defaults() -> None:
    assert render("Hi {{contact.name}}", contact_name="Ali") == "Hi Ali"
    assert render('Hi {{ contact.name | default("you") }}!') == "Hi you!"
    assert render("{{contact.name|default('أنت')}}") == "أنت"
    assert render("{{contact.name | first | upper}}", contact_name="ali baba") == "ALI"
    assert render("{{contact.name | truncate(2)}}", contact_name="ali") == "al"


@pytest.mark.parametrize(
    "text",
    [
        "{{nope}}",
        "{{contact.__class__}}",
        "{{contact.name | exec}}",
        "{{}}",
        "{{contact.name",
        "a }} b",
        "{{1+1}}",
        "{{contact.name | default(}}",
    ],
)
def test_what_is_not_a_template(text: str) -> None:
    with pytest.raises(TemplateError):
        compile_template(text, KNOWN)


def test_empty_without_default_is_refused() -> None:
    with pytest.raises(Unfilled) as caught:
        render("Hi {{contact.name}}", contact_name=" \u202e ")
    assert caught.value.name == "contact.name"


@given(st.text(max_size=2000))
def test_values_are_data(value: str) -> None:
    text = render('[{{contact.name | default("x")}}]', contact_name=value + "{{shop.name}}", shop_name="SECRET")
    assert "SECRET" not in text
    assert len(text) <= 502
    assert not any(c in text for c in "\u202e\u2066\x00\n")


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.text(max_size=9))
def test_draws_are_fixed_and_complete(weights: list[int], seed: str) -> None:
    variants = [(weight, i) for i, weight in enumerate(weights)]
    drawn = draw(variants, seed)
    assert drawn == draw(variants, seed)
    assert sorted(drawn) == list(range(len(weights)))


def test_draws_follow_the_weights() -> None:
    first = [draw([(3, "a"), (1, "b")], str(i))[0] for i in range(4000)]
    assert 0.70 < first.count("a") / 4000 < 0.80


def test_check_finds_what_must_not_leave() -> None:
    assert problems("fine\nوصلنا 👍") == []
    for bad in ("", "  ", "x" * 4097, "a\u202eb", "a\x00b", "hi {{name}}", "\ud800"):
        assert problems(bad), bad
    assert problems("x" * 1025, interactive=True)
    assert not problems("x" * 1024, interactive=True)
