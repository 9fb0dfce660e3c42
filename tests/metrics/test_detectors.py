"""Each text detector: what it must find, and the look-alikes that it must let pass."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.metrics.base import Detector
from autoevol.metrics.ensemble import Ensemble, default_text_ensemble
from autoevol.metrics.severity import FATAL_KINDS, HARMLESS_KINDS, SEVERITY
from autoevol.metrics.textual import View, value_of
from autoevol.records import Evolution, FailureKind, Outcome, Trajectory

ENSEMBLE = default_text_ensemble()
MEMBERS = [*ENSEMBLE.gate, *ENSEMBLE.detectors]
SUM = "Tom has 3 apples and buys 4 more. How many apples does Tom have?"
HARDER = "Tom has 3 apples, buys 4 more and gives 5 away. How many apples does Tom have?"
CODE = "Write a Python function that sorts a list of names."
HARDER_CODE = CODE[:-1] + " by last name, then first, ignoring case and without the built-in sort."
MAIL = "Write a letter to a customer whose parcel is lost, and ask for the order number and a photo."


def case(seed: str, evolved: str | None, response: str | None = None, **ended: str | None) -> Trajectory:
    reply = ended.get("reply")
    step = Evolution(seed, evolved, evolved or "" if reply is None else reply, ended.get("finish"))
    return Trajectory((step,), response, ended.get("response_finish"))


def kinds(trajectory: Trajectory) -> tuple[str, ...]:
    return tuple(map(str, ENSEMBLE.judge(trajectory).kinds))


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
            "answered",
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
    ("response", "kind"),
    [
        ("I'm sorry, but I can't help with that.", "refused"),
        ("Es tut mir leid, aber ich kann dabei nicht helfen.", "refused"),
        ("抱歉，我无法完成这个请求。", "refused"),
        ("Lo siento, pero no puedo ayudar con eso.", "refused"),
        ("Could you please share the list of names?", "asks_for_more"),
        ("Certainly! Which list would you like me to sort?", "asks_for_more"),
        ("Bitte geben Sie die Liste der Namen an.", "asks_for_more"),
        ("请提供需要排序的名单。", "asks_for_more"),
        ("Veuillez fournir la liste des noms.", "asks_for_more"),
        ("リストを提供してください。", "asks_for_more"),
        ("It depends on many things, so it is hard to say.", "hedged"),
        ("Das kommt ganz darauf an; es ist schwer zu sagen.", "hedged"),
    ],
)
def test_responses(response: str, kind: str) -> None:
    assert kind in kinds(case(CODE, HARDER_CODE, response))


@pytest.mark.parametrize(
    ("seed", "evolved", "response"),
    [
        (
            MAIL,
            MAIL + " Keep it under 90 words and offer two ways of refund.",
            "Dear customer,\nwe are sorry that your parcel is lost. Please provide your "
            "order number and a photo of the receipt.\nYours, the team\nWould you like me to call you?",
        ),
        (
            "Prove that the square root of 2 is irrational.",
            "Prove that the square root of 2 is irrational, once by descent and once by prime factors.",
            "Suppose it is p/q in lowest terms. Then both are even, a contradiction. So it is not possible.",
        ),
        (
            CODE,
            HARDER_CODE,
            "def f(names):\n    'please provide a list'\n    return names\n" + "# note\n" * 60,
        ),
    ],
)
def test_responses_that_only_look_bad(seed: str, evolved: str, response: str) -> None:
    assert not set(kinds(case(seed, evolved, response))) & {
        "refused",
        "asks_for_more",
        "hedged",
        "contradictory",
        "unsolvable",
    }


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        ("The price is missing, so the total cannot be determined.", "unsolvable"),
        ("Die Anzahl ist nicht angegeben, sie kann nicht berechnet werden.", "unsolvable"),
        ("条件不足，无法确定。", "unsolvable"),
        ("Let's assume that each friend takes 11. So 3 + 4 = 7.\nThe answer is: 7.", "unsolvable"),
        ("3 + 4 - 5 = 2.\nThe answer is: 2.5 apples.", "unsolvable"),
        ("Tom: 3 - 5 = -2.\nThe answer is: -2.", "contradictory"),
        ("These conditions contradict each other.", "contradictory"),
        ("The answer is: 90000000000.", "contradictory"),
        ("Tom's share is 3 + 4 = 7.\nTom's share is 7 - 5 = 2.\nThe answer is: 2.", "contradictory"),
    ],
)
def test_conclusions(response: str, kind: str) -> None:
    assert kind in kinds(case(SUM, HARDER, response))


@pytest.mark.parametrize(
    "response",
    [
        "3 + 4 - 5 = 2.\nThe answer is: 2.",
        "Let x be the apples. Then x = 7 - 5 = 2. The answer is: 2",
        "Er hat 2 Äpfel.",
    ],
)
def test_sound_conclusions(response: str) -> None:
    assert kinds(case(SUM, HARDER, response)) == ()


def test_algebra_may_have_negative_and_symbolic_answers() -> None:
    seed = "Solve x + 3 = 5 and x - 2 = 0. How many solutions are there?"
    evolved = "Solve a * x + 3 x = 12 for x, and say for which a there is none. How many are there for a = 1?"
    response = "x = 12/(a + 3). If a = -3 there is none.\nThe answer is: 12/(a + 3)"
    assert not set(kinds(case(seed, evolved, response))) & {"contradictory", "unsolvable"}


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


def test_severity_orders_every_kind_once() -> None:
    assert sorted(SEVERITY) == sorted(FailureKind)
    assert set(FailureKind) == FATAL_KINDS | HARMLESS_KINDS
    assert not FATAL_KINDS & HARMLESS_KINDS


def test_every_member_keeps_the_contract() -> None:
    for member in MEMBERS:
        assert isinstance(member, Detector)
        assert member.calls == 0
    assert len({member.name for member in MEMBERS}) == len(MEMBERS)
    assert ENSEMBLE.kinds == set(FailureKind)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.none() | st.text(max_size=200), st.none() | st.text(max_size=200))
def test_any_text_gets_a_verdict(seed: str, evolved: str | None, response: str | None) -> None:
    trajectory = case(seed, evolved, response)
    for member in MEMBERS:
        verdict = member.judge(trajectory)
        assert verdict == member.judge(trajectory)
        assert (verdict.outcome is Outcome.FAILED) == bool(verdict.kinds)
        assert member.kinds.issuperset(verdict.kinds)
        assert bool(verdict.reason) == bool(verdict.kinds)


@given(st.text("0123456789.,%", min_size=1, max_size=60))
def test_any_number_has_a_value(digits: str) -> None:
    assert value_of(digits) >= 0


def test_numbers_of_a_view() -> None:
    assert View("From 1,600 to .5 in 2.5% of 3 cases").values == [1600, 0.5, 2.5, 3]
    assert sorted(View("half a dozen, twice").quantities) == [0.5, 2, 12]


PATTERNS = [
    "a", " ", "\n", "1", "1 ", "1+", "1=", "[", "[a ", "{{", "#a ", "```\n", "?", "? ", ". ", '"', "either ",
    "first, add ", "Tom's age is 1 ", "= 1.5 ", "total ", "at most 1 ", "please provide ", "\u4e00", "é",
    "\u3042\u3000", "half ", ",", "step 1\n", "he must add ", "http://a.b/ ", "<", "- a\n", "1,1", "a'", "“",
]  # fmt: skip


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_a_megabyte_of_malice_takes_no_more_than_a_moment(member: Detector) -> None:
    for number, pattern in enumerate(PATTERNS):
        text = (pattern * (1_000_000 // len(pattern)))[:1_000_000]
        trajectory = case(
            f"{SUM} {number} {text[:500_000]}",
            f"{number} {HARDER} {text}",
            f"{number} {text} = 3. The answer is",
        )
        best = min(_time(member, trajectory) for _ in range(3))
        assert best < 0.1, f"{best:.3f} s on {pattern!r}"


def _time(member: Detector, trajectory: Trajectory) -> float:
    start = time.process_time()
    member.judge(trajectory)
    return time.process_time() - start


def test_an_ensemble_keeps_all_findings_and_stops_at_its_gate() -> None:
    both = case(SUM, HARDER + "\nAnswer: 2", "I'm sorry, but I can't help with that.")
    assert kinds(both)[0] == "refused"
    assert "answered" in kinds(both)
    only = Ensemble(ENSEMBLE.detectors[:1], name="one")
    assert only.judge(both).outcome is Outcome.PASSED
    assert only.kinds == {FailureKind.LEAKED}
