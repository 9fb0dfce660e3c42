"""What the text rules are worth on labelled evolutions, and the cases that made or unmade a rule."""

from dataclasses import replace

import pytest

from autoevol.core.records import Demo, FailureKind, Outcome
from autoevol.metrics.calibration import calibrate_detector
from autoevol.metrics.ensemble import default_text_ensemble, text_facts
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.programs.methods import COMPACT
from detector_cases import HARDER, SUM, case, kinds
from metrics_support import real_data


def labelled(name: str) -> list[Labelled]:
    path = real_data(name)
    if path is None:
        pytest.skip(f"no real labelled pairs here: set AUTOEVOL_DATA to the folder that has {name}")
    return load_labelled(path)


def test_half_of_the_broken_pairs_with_a_response_are_found_at_a_tenth_of_false_alarms() -> None:
    pairs = [p for p in labelled("labelled_evolutions.jsonl") if p.trajectory.response is not None]
    fatal = calibrate_detector(pairs, default_text_ensemble()).confusions["fatal"]
    assert fatal.recall >= 0.52
    assert fatal.false_alarms <= 0.10


def test_a_strong_model_loses_hardly_a_row_and_a_weak_one_gets_hardly_one_through() -> None:
    usable = calibrate_detector(labelled("labelled_evolutions_2.jsonl"), default_text_ensemble()).confusions[
        "usable"
    ]
    assert usable.fn <= 1
    assert usable.fp <= 2


FERNS = "A shop has 36 plants. How many plants are left if 9 are sold?"
DEMO = Demo("Explain what a volcano is.", "Explain what a volcano is, and give one example of each kind.")
TRAIN = "A train goes 60 miles an hour for 3 hours. How far does it go?"


@pytest.mark.parametrize(
    ("seed", "evolved"),
    [
        (
            FERNS,
            "A shop has 36 plants, at least one third being ferns and the rest palms. If 9 ferns are sold, "
            "at most how many of the remaining plants can be palms?",
        ),
        (SUM, "Tom has 3 apples, and only half as many again as 4 more. How many apples does Tom have?"),
        (SUM, SUM.replace(" How", " If every unit of the answer is worth 5 points, how")),
        (SUM, SUM.replace(" How", " If the result is doubled, how")),
        (
            "John buys 3 shirts at $20 each. How much does he pay?",
            "John buys 3 shirts at $20 each and pays $45. What discount did he get, in percent?",
        ),
        (
            "Which sentence is the longest?\n(1) Is it late? (2) It is not late at all.",
            "Which sentence is the longest, which the shortest, and how many words lie between them?\n"
            "(1) Is it late? (2) It is not late at all.",
        ),
        (
            "Does the text support the claim?\nText: The market slows.\nClaim: It will crash.",
            "Does the text support the claim, deny it, or leave it open? Quote the decisive phrase.\n"
            "Text: The market slows.\nClaim: It will crash.",
        ),
    ],
)
def test_new_demands_and_talk_of_the_answer_are_no_faults(seed: str, evolved: str) -> None:
    assert kinds(case(seed, evolved, "It is not mentioned there." if "\n" in seed else None)) == ()


@pytest.mark.parametrize(
    ("seed", "evolved", "kind"),
    [
        (SUM, HARDER + " The answer is 2.", "answered"),
        (SUM, HARDER + "\nAnswer: 2", "answered"),
        ("Explain the use of sleep.", "Rewrite this instruction to make it more concise.", "leaked"),
        ("Explain the use of sleep.", "Here the original instruction has become harder.", "leaked"),
        (
            "What could one eat for a healthy breakfast?",
            "A healthy breakfast is a nutritious breakfast that includes fruit, whole grains, and a plan.",
            "lost_information",
        ),
        (
            "Name three healthy breakfasts.",
            "A healthy breakfast is a nutritious breakfast that includes fruit, and give and take.",
            "lost_information",
        ),
        (
            "Fix this function so that it takes an empty list: def avg(xs): return sum(xs) / len(xs)",
            "Fix this function so that it takes an empty list and returns nothing but its average, if any.",
            "lost_information",
        ),
        (
            "One printer prints 18 pages a minute, another one 12. How long do they need for 450 pages?",
            "One printer prints 18 pages a minute. How long do both printers together need for 450 pages?",
            "lost_information",
        ),
    ],
)
def test_what_weak_models_do_is_found(seed: str, evolved: str, kind: str) -> None:
    assert kind in kinds(case(seed, evolved))


def test_a_letter_in_the_place_of_a_number_has_lost_nothing() -> None:
    assert "lost_information" not in kinds(case(SUM, "Tom has 3 apples and buys n more. How many has Tom?"))


def test_what_is_copied_from_an_example_is_a_fact() -> None:
    copied = case("Sort the names.", "Sort the names, and give one example of each kind.")
    assert text_facts().judge(copied).outcome is Outcome.PASSED
    found = text_facts().judge(replace(copied, shown=(DEMO,)))
    assert found.kinds == (FailureKind.LEAKED,)
    assert "and give one example of each" in found.reason
    # What the task had itself is not copied.
    own = case(
        "Name rocks, and give one example of each kind.", "Name 9 rocks, and give one example of each kind."
    )
    assert text_facts().judge(replace(own, shown=(DEMO,))).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("added", "copied"),
    [
        ("Also compare the bridge with an airport.", True),
        ("Also give the bridge a name.", True),
        ("Also explain where the bridge comes from.", True),
        ("Also compare it with a bridge over a lake.", False),
        ("Also describe the river.", False),
        ("Also say who crosses it, and name what its builders did wrong.", False),
    ],
)
def test_the_condition_of_an_example_is_not_the_models_own(added: str, copied: bool) -> None:
    seed = "Describe an old bridge over a small river."
    verdict = text_facts().judge(replace(case(seed, f"{seed} {added}"), shown=COMPACT.demos))
    assert verdict.kinds == ((FailureKind.LEAKED,) if copied else ())


@pytest.mark.parametrize("demo", COMPACT.demos)
def test_no_condition_of_a_built_in_example_is_copied_unnoticed(demo: Demo) -> None:
    seed = "Name a good book."
    condition = demo.evolved_instruction.removeprefix(demo.instruction)
    verdict = text_facts().judge(replace(case(seed, f"{seed}{condition}"), shown=COMPACT.demos))
    assert verdict.kinds == (FailureKind.LEAKED,)
    assert text_facts().judge(case(seed, f"{seed}{condition}")).outcome is Outcome.PASSED
