"""Thinking is told from the answer, and neither is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.lm.thinking import split_thinking

PAIRS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<THINK>", "</THINK>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
]
CONTRACT = "It goes between <final_instruction> and </final_instruction>."


@pytest.mark.parametrize(("opened", "closed"), PAIRS)
def test_every_notation_and_every_way_in_which_it_can_be_incomplete(opened: str, closed: str) -> None:
    assert split_thinking(f"{opened}\nHm. {CONTRACT}\n{closed}\n\nThe answer.") == (
        "The answer.",
        f"Hm. {CONTRACT}",
    )
    assert split_thinking(f"Hm.\n{closed}\n\nThe answer.") == ("The answer.", "Hm."), "opened by the prompt"
    assert split_thinking(f"Hm.{closed}The answer.") == ("The answer.", "Hm.")
    assert split_thinking(f"{opened}\nHm, and then") == ("", "Hm, and then"), "cut off"
    assert split_thinking(f"{opened}{closed}The answer.") == ("The answer.", ""), "told not to think"
    assert split_thinking(f"  \n{opened}Hm.{closed}") == ("", "Hm.")


@pytest.mark.parametrize(
    ("text", "answer", "thought"),
    [
        ("<think>a</think>\n<think>b</think>\nThe answer.", "The answer.", "a\n\nb"),
        ("<think>a <think> b </think> c</think>The answer.", "The answer.", "a <think> b </think> c"),
        ("Sure.\n<think>\nHm.\n</think>\nThe answer.", "Sure.\n\nThe answer.", "Hm."),
        ("<think>Hm.</think>\n</think>\nThe answer.", "The answer.", "Hm."),
        ("<think>Hm.</think><|START_RESPONSE|>So.<|END_RESPONSE|>", "So.", "Hm."),
        ('<think about="it">Hm.</think >So.', "So.", "Hm."),
        ("<|channel>thought\nHm.<channel|>So.", "So.", "Hm."),
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>So.<|return|>",
            "So.",
            "Hm.",
        ),
        ("<|channel|>analysis<|message|>Hm, and th", "", "Hm, and th"),
        ("<|channel|>final<|message|>So.", "So.", ""),
        ("analysisWe need a rewrite.assistantfinalThe answer.", "The answer.", "We need a rewrite."),
    ],
)
def test_more_shapes_that_models_send(text: str, answer: str, thought: str) -> None:
    assert split_thinking(text) == (answer, thought)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The answer.",
        "  kept as it is \n",
        "Wrap it in `<think>` and `</think>`.",
        'The tag "<think>" opens, and "</think>" closes it.',
        "Use this:\n```\n<think>\nyour thoughts\n</think>\n```\nThat is all.",
        "What does <think> do in a prompt?",
        "<reasoning>Asked for.</reasoning><answer>4</answer>",
        "analysis of the data: it is final.",
    ],
)
def test_text_that_talks_about_tags_is_text(text: str) -> None:
    assert split_thinking(text) == (text, "")


words = st.text(alphabet="ab .\n`'é", max_size=30)


@given(opened=st.booleans(), closed=st.booleans(), thought=words, answer=words, pair=st.sampled_from(PAIRS))
def test_whatever_is_thought_never_reaches_the_answer_and_nothing_is_lost(
    opened: bool, closed: bool, thought: str, answer: str, pair: tuple[str, str]
) -> None:
    thought = f"T{thought}T"
    answer = f"A{answer}A"
    text = f"{pair[0] if opened else ''}{thought}{pair[1] if closed else ''}{answer}"
    said, kept = split_thinking(text)
    if closed:
        assert (said, kept) == (answer, thought)
    elif opened:
        assert (said, kept) == ("", thought + answer)
    else:
        assert (said, kept) == (text, "")
