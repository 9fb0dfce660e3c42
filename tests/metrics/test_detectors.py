"""What is to be found in an instruction, and the look-alikes that must pass."""

import pytest

from autoevol.core.records import Trajectory
from detector_cases import CODE, HARDER, HARDER_CODE, MAIL, SUM, case, kinds


@pytest.mark.parametrize(
    ("trajectory", "kind"),
    [
        (case(SUM, None, reply="no tags"), "unparsed"),
        (case(SUM, None, reply="  \n"), "empty"),
        (case(SUM, None, reply="#Finally Rewritten Instruction#:\n"), "empty"),
        (case(SUM, None, reply="#Plan# and th", finish="length"), "truncated"),
        (case(SUM, None, reply="", finish="content_filter"), "refused"),
        (case(SUM, "...", "4"), "empty"),
        (case(SUM, HARDER, ""), "empty"),
        (case(SUM, HARDER, "  \n"), "empty"),
        (case(SUM, HARDER, "So Tom has", response_finish="length"), "truncated"),
        (case(SUM, HARDER, "x", response_finish="content_filter"), "refused"),
        (case(SUM, SUM), "unchanged"),
        (case(SUM, "  tom has 3 apples, and buys 4 more: how many apples does Tom have?"), "unchanged"),
        (
            case(
                SUM,
                HARDER[:-35] + "and then he meets his old friend Ann who also has a lot of fruit. Then Al",
            ),
            "truncated",
        ),
    ],
)
def test_form(trajectory: Trajectory, kind: str) -> None:
    assert kinds(trajectory)[0] == kind


@pytest.mark.parametrize(
    "evolved",
    [
        "#Finally Rewritten Instruction#:\n" + HARDER,
        "**Rewritten Instruction:** " + HARDER,
        "Step 1: list\nPlan:\nadd a number\n" + HARDER,
        "Sure! Here is the rewritten instruction:\n" + HARDER,
        "Here's a more complex version of the prompt: " + HARDER,
        "Hier ist die umgeschriebene Anweisung: " + HARDER,
        "改写后的指令：" + HARDER,
        HARDER + "\n\nI have added one more step to make it harder.",
        HARDER + "<|im_end|>",
        HARDER + " Assume {{n}} friends.",
        "Tom has [number] apples, buys 4 more and gives 5 away. How many apples does Tom have?",
        "<insert name> has 3 apples, buys 4 more and gives 5 away. How many apples are left?",
    ],
)
def test_leaks(evolved: str) -> None:
    assert "leaked" in kinds(case(SUM, evolved))


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (
            "Write a bread recipe.",
            "Write a bread recipe for two loaves.\nStep 1: the dough, by weight.\nStep 2: the oven.",
        ),
        (MAIL, MAIL + " Use a form template with [name] and [date] as placeholders, in two tones."),
        (
            "Sum a list in Python.",
            "Sum a nested list[int] such as a[i][j] = [[1, 2], [3]] in Python, without recursion.",
        ),
        (
            "Explain Jinja.",
            "Explain with examples how {{ name }} in a Jinja template is escaped, and when it is not.",
        ),
        (
            "Summarise the page.",
            "Summarise [the page](https://x.org/a) in three bullet points with one quote each.",
        ),
    ],
)
def test_what_only_looks_like_a_leak(seed: str, evolved: str) -> None:
    assert "leaked" not in kinds(case(seed, evolved))


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (SUM, "汤姆有3个苹果，又买了4个，然后送给朋友5个。请问汤姆现在有多少个苹果？"),
        ("汤姆有3个苹果，又买了4个。汤姆有多少个苹果？", HARDER),
        (
            CODE,
            "Schreibe eine Funktion in Python, die eine Liste von Namen ohne sort nach dem Alphabet ordnet.",
        ),
        (
            "Schreibe ein kurzes Gedicht über den Herbst und die Zeit, die vergeht.",
            "Write a short poem of four lines about autumn and the time that goes by.",
        ),
        (
            "Напиши короткое стихотворение об осени.",
            "Write a short poem of four lines about autumn and about the rain.",
        ),
    ],
)
def test_language_change(seed: str, evolved: str) -> None:
    assert "language_changed" in kinds(case(seed, evolved))


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (
            "Translate to German: Good morning.",
            'Translate to German, once formally and once not: "Guten Morgen heißt nicht good '
            'morning", Good morning.',
        ),
        (
            "Erkläre den Begriff Photosynthese.",
            "Erkläre den Begriff Photosynthese einem Kind in drei Sätzen, ohne das Wort Licht zu benutzen.",
        ),
        (
            "翻译：你好",
            "把“Good morning, my dear friend, and welcome to our house”翻译成中文，并解释每个词的用法。",
        ),
    ],
)
def test_language_kept(seed: str, evolved: str) -> None:
    assert "language_changed" not in kinds(case(seed, evolved))


@pytest.mark.parametrize(
    ("seed", "evolved", "kind"),
    [
        (
            SUM,
            "Tom has 3 apples, buys 4 more and gives 5 away. Tom has 2 apples left in the end.",
            "lost_information",
        ),
        (SUM, HARDER + "\nAnswer: 2", "answered"),
        (SUM, HARDER + " Solve it as 3 + 4 - 5 = 2.", "answered"),
        (
            SUM,
            "First, add 3 apples and 4 apples, then subtract 5 from them. How many apples has Tom?",
            "answered",
        ),
        (SUM, "Tom has 3 apples, buys 4 more and gives 5 of them away to a good friend.", "lost_information"),
        (
            "Fix this code:\n```python\nfor i in range(3) print(i)\n```",
            "Fix the loop, explain the error and add a test that fails before the fix and passes after.",
            "lost_information",
        ),
        (
            "Rewrite the sentence.\n\nThe cat sat on the mat in the kitchen.",
            "Rewrite the sentence in the passive voice and in the style of a news report from 1950.",
            "lost_information",
        ),
        (
            'Is "The early bird catches the worm" a proverb?',
            "Is the saying a proverb, and which proverbs of other languages come close to it in meaning?",
            "lost_information",
        ),
        (
            "Sort these numbers: 5, 3, 9, 12, 40, 7.",
            "Sort the numbers from the largest to the smallest, and say which algorithm fits best.",
            "lost_information",
        ),
        (
            "Describe how volcanoes form along tectonic plate boundaries in the Pacific.",
            "Compose a persuasive marketing email promoting discounted running shoes for teenagers.",
            "off_task",
        ),
    ],
)
def test_content(seed: str, evolved: str, kind: str) -> None:
    assert kind in kinds(case(seed, evolved))


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (
            SUM,
            "Calculate how many apples Tom has left: he has 30, buys 44 more, and gives a "
            "third of them to each of 2 friends.",
        ),
        ("Solve x + 3 = 5.", "Solve 2 * x + 3 - x = 5 * x and explain each step."),
        (
            "Write an essay about honesty.",
            "Write an essay of 500 words about honesty in science, with two historical cases "
            "and a counter-argument.",
        ),
        (
            "求解：小明有3个苹果，又买了4个，一共几个？",
            "小明有3个苹果，又买了4个，吃掉2个，再把剩下的一半送人，请计算还剩多少个？",
        ),
        (
            "Check whether the solution x = 3 of 2x = 6 is right.",
            "Check whether the solution: x = 3 of 2x = 6 is right, and find the mistake in "
            "the answer: x = 4.",
        ),
    ],
)
def test_content_kept(seed: str, evolved: str) -> None:
    found = set(kinds(case(seed, evolved)))
    assert not found & {"answered", "lost_information", "off_task"}


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (
            SUM,
            "Tom, a diligent young man, proudly owns 3 delicious apples and buys 4 more. How "
            "many apples does Tom have?",
        ),
        (
            SUM,
            "Tom has 3 apples and buys 4 more, but he can carry at most 20. How many apples does Tom have?",
        ),
        (SUM, "Tom has x = 3 apples and buys 4 more, which is 7 in all. How many apples does Tom have?"),
        (CODE, "Please carefully write a clear Python function that sorts a list of names."),
        ("Explain gravity.", "Please explain gravity clearly and in detail."),
        ("Erkläre Schwerkraft.", "Bitte erkläre ausführlich die Schwerkraft."),
    ],
)
def test_stagnant(seed: str, evolved: str) -> None:
    assert {"stagnant", "unchanged"} & set(kinds(case(seed, evolved)))


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (SUM, HARDER),
        (CODE, HARDER_CODE),
        ("Explain gravity.", "Explain gravity to a child with two experiments that need only kitchen tools."),
    ],
)
def test_harder_passes(seed: str, evolved: str) -> None:
    assert kinds(case(seed, evolved)) == ()


@pytest.mark.parametrize(
    "extra",
    [
        "Due to unforeseen events some are lost.",
        "He must also pay sales tax.",
        "In all, he has a total of 50 apples.",
        "He gives several to his friends.",
        "The price ranges from 2 to 9 dollars.",
    ],
)
def test_unsound_instructions(extra: str) -> None:
    found = set(kinds(case(SUM, HARDER.replace(" How many", f" {extra} How many"))))
    assert found & {"unsolvable", "contradictory"}
