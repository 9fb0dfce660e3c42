"""The simulated optimizer LM: one model of insight for every optimizer."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from random import Random

from autoevol.core.records import FailureKind
from autoevol.experiments.testbed.prompts import Prompt, ToldRewrite, base_method, told_kinds, told_rewrites
from autoevol.experiments.testbed.sentences import CURES, HARMS, IDLE, OPENING
from autoevol.experiments.testbed.texts import SYMPTOMS
from autoevol.experiments.testbed.truth import TestbedConfig

_NAMED = re.compile(r"failed \(([a-z_, ]+)\)")
_CASE = re.compile(r"^Case (\d+)$", re.MULTILINE)
_END = re.compile(r"(?<=[.!?])\s+")
_METHODS = (
    "new_instruction",
    "proposed_instruction",
    "improved_method",
    "better_method",
    "method",
    "variant",
)
_ANY_CURE = tuple(sentence for cures in CURES.values() for sentence in cures)
_ANY_HARM = tuple(sentence for harms in HARMS.values() for sentence in harms)
_KNOWN = (*_ANY_CURE, *_ANY_HARM, *IDLE)
_CURABLE = {kind.value: kind for kind in CURES}
_UNREADABLE = "I have several ideas for this, and I would rather talk about them first."


class Scribe:
    """Answers optimizers' prompts. It knows nothing but what stands in them.

    Args:
        seed: The testbed's.
        config: How much insight it has.
    """

    def __init__(self, seed: int, config: TestbedConfig) -> None:
        self.seed = seed
        self.config = config

    def reply(self, prompt: Prompt, sample: str) -> str:
        """The reply to one prompt; `sample` tells apart several replies to the same one."""
        random = Random("\x1f".join(("scribe", str(self.seed), sample, prompt.text)))
        if prompt.form == "plain":
            return _findings(prompt.fields["cases"])
        if "module_advice" in prompt.wanted:
            modules = json.loads(prompt.fields["module_names"])
            present = prompt.fields["modules_defn"]
            advice = {name: self._sentence(prompt, present, random) for name in modules}
            return self._written(prompt, {"module_advice": json.dumps(advice)}, random)
        output = next((name for name in prompt.wanted if name in _METHODS or prompt.form == "tags"), None)
        if output is None:
            return prompt.reply({})
        return self._written(prompt, {output: self._method(prompt, random)}, random)

    def _written(self, prompt: Prompt, values: Mapping[str, str], random: Random) -> str:
        unusable = random.random() < self.config.unusable
        return _UNREADABLE if unusable else prompt.reply(dict(values))

    def _method(self, prompt: Prompt, random: Random) -> str:
        """The base, sometimes without one of its sentences, with one or two new ones."""
        base = base_method(prompt) or OPENING
        if other := prompt.fields.get("other_method"):
            return self._both(base, other, random)
        if random.random() < self.config.dropping:
            first, *rest = _END.split(base)
            if rest:
                rest.pop(random.randrange(len(rest)))
            base = " ".join([first, *rest])
        written = f"{base} {self._sentence(prompt, base, random)}"
        padded = random.random() < self.config.padding
        return f"{written} {_fresh(IDLE, written, random)}" if padded else written

    def _both(self, base: str, other: str, random: Random) -> str:
        """The sentences of two methods, each once; sometimes one of the second is lost."""
        more = [sentence for sentence in _END.split(other) if sentence not in base]
        if more and random.random() < self.config.dropping:
            more.pop(random.randrange(len(more)))
        return " ".join([base, *more])

    def _sentence(self, prompt: Prompt, base: str, random: Random) -> str:
        """A cure for something that the prompt shows, if insight strikes; else any sentence.

        Who heeds the earlier rewrites that a prompt tells of takes up what did good and was turned down, if
        the base lacks it, and else leaves alone what did no good.
        """
        told = told_rewrites(prompt)
        heeds = bool(told) and random.random() < self.config.heeding
        good, bad = _good_and_bad(told) if heeds else ((), ())
        if missing := [sentence for sentence in good if sentence not in base]:
            return random.choice(missing)
        shown = kinds_told(prompt) or kinds_shown(prompt.text)
        if shown and random.random() < self.config.insight:
            return _fresh(CURES[random.choice(shown)], base, random, bad)
        (pool,) = random.choices((_ANY_CURE, _ANY_HARM, IDLE), weights=self.config.blind)
        return _fresh(pool, base, random, bad)


def _fresh(pool: Sequence[str], base: str, random: Random, avoided: Collection[str] = ()) -> str:
    """A sentence that `base` does not have yet, and none to be avoided; an idle one where none is left."""
    free = [sentence for sentence in pool if sentence not in base]
    return random.choice([sentence for sentence in free if sentence not in avoided] or free or IDLE)


def _good_and_bad(told: Sequence[ToldRewrite]) -> tuple[list[str], list[str]]:
    """Sentences that did good and never came into force, and sentences that did none."""
    gains: dict[str, float] = {}
    kept: set[str] = set()
    for rewrite in told:
        for sentence in _KNOWN:
            if sentence in rewrite.added:
                gains[sentence] = gains.get(sentence, 0.0) + rewrite.gain
                kept |= {sentence} if rewrite.kept else set()
    good = [sentence for sentence, gain in gains.items() if gain > 0 and sentence not in kept]
    return good, [sentence for sentence, gain in gains.items() if gain <= 0]


def kinds_told(prompt: Prompt) -> list[FailureKind]:
    """Curable kinds as often as the record of a prompt counts them."""
    counts = told_kinds(prompt)
    return [_CURABLE[name] for name, count in counts.items() if name in _CURABLE for _ in range(count)]


def kinds_shown(text: str) -> list[FailureKind]:
    """Curable kinds in a prompt, as often as it names them.

    Where it names none, those that can be told from the failed evolutions that it quotes.
    """
    named = [name.strip() for names in _NAMED.findall(text) for name in names.split(",")]
    found = [_CURABLE[name] for name in named if name in _CURABLE]
    return found or [kind for kind in CURES if SYMPTOMS[kind].search(text)]


def _findings(cases: str) -> str:
    """What an analysis says: every failed case with the kinds that the checker names."""
    pieces = _CASE.split(cases)[1:]
    lines = [
        f"Case {number} failed ({', '.join(names)})."
        for number, case in zip(pieces[::2], pieces[1::2], strict=True)
        if (names := _NAMED.findall(case))
    ]
    return "\n".join(lines) or "No case failed."
