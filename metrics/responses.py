"""Detectors that read the response: did the model answer, or refuse, ask back, or hedge?

Where in the response a phrase stands matters more than that it occurs: refusals and
requests open or close a short reply, while a letter may ask "please provide your order
number" in its middle. A phrase that the instruction has itself is never held against
the response.
"""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed
from autoevol.metrics.phrases import HEDGES, REFUSALS, REQUESTS_BACK
from autoevol.metrics.textual import Phrases, View, shorten, view

_REFUSALS, _REQUESTS_BACK, _HEDGES = Phrases(*REFUSALS), Phrases(*REQUESTS_BACK), Phrases(*HEDGES)

OPENING = 220
CLOSING = 260
"""Characters at the two ends of a response in which it speaks to the user."""
SHORT = 900
"""A response with fewer characters is a reply as a whole rather than a finished work."""


class Refused:
    """The model declines: said at the opening of the response, or instead of a rewrite."""

    name = "refused"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.REFUSED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look at the opening of the rewrite and of the response."""
        rewrite = trajectory.evolved
        if rewrite is not None:
            found = _REFUSALS.find(view(rewrite), view(rewrite).lower[:OPENING])
            if found and found not in view(trajectory.seed).lower and not _quotes(rewrite[:OPENING], found):
                return failed(self.name, FailureKind.REFUSED, f'The rewrite is a refusal: "{found}".')
        if trajectory.response is None:
            return passed(self.name)
        response = view(trajectory.response)
        found = _REFUSALS.find(response, response.lower[:OPENING])
        quoted = found and _quotes(response.text, found)
        if found and not quoted and len(response.text) < 2 * SHORT and not _role_play(rewrite, response):
            return failed(self.name, FailureKind.REFUSED, f'The response declines: "{found}".')
        return passed(self.name)


class AsksForMore:
    """The response asks the user for what the instruction should have carried.

    It counts at the opening, at the close, or anywhere in a short reply; not where the
    instruction asks for questions, or for a text (letter, mail, dialogue, form) in
    which such a request belongs.
    """

    name = "asks-for-more"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.ASKS_FOR_MORE, FailureKind.UNSOLVABLE})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look for a request to the user, by place and wording."""
        if trajectory.response is None or trajectory.evolved is None:
            return passed(self.name)
        response, asked = view(trajectory.response), view(trajectory.evolved)
        found = _REQUESTS_BACK.find(response, _ends(response))
        if found and not _role_play(trajectory.evolved, response):
            if found in asked.lower or _quotes(response.text, found):
                return passed(self.name)
            # What has to be asked for is missing: the instruction cannot be followed as it stands.
            seen = f'The response asks back: "{found}".'
            return failed(self.name, FailureKind.ASKS_FOR_MORE, seen, FailureKind.UNSOLVABLE)
        if _chats(trajectory.response):
            return failed(
                self.name,
                FailureKind.ASKS_FOR_MORE,
                f'Only a question comes back: "{shorten(response.text)}".',
            )
        return passed(self.name)


class Hedged:
    """The response commits to nothing: it calls the task unclear, or the answer variable."""

    name = "hedged"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.HEDGED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look at both ends of a short response."""
        if trajectory.response is None or trajectory.evolved is None:
            return passed(self.name)
        response = view(trajectory.response)
        if len(response.text) > SHORT:
            return passed(self.name)
        found = _HEDGES.find(response, _ends(response))
        if not found or found in view(trajectory.evolved).lower:
            return passed(self.name)
        return failed(self.name, FailureKind.HEDGED, f'The response hedges: "{found}".')


def _ends(text: View) -> str:
    return f"{text.lower[:OPENING]} … {text.lower[-CLOSING:]}"


def _quotes(text: str, phrase: str) -> bool:
    at = text.lower().find(phrase)
    return at > 0 and (text[at - 1] in "\"'“«「" or text.count('"', 0, at) % 2 == 1 or _open(text[:at]))


def _open(before: str) -> bool:
    """Whether a typographic quotation is open at the end of a text."""
    return before.count("“") > before.count("”") or before.count("「") > before.count("」")


# What is written for somebody else may ask and decline as it likes.
_WRITING = re.compile(
    r"\b(?:letter|e-?mail|dialogue|dialog|conversation|script|form|questionnaire|survey|interview"
    r"|chatbot|role-?play|reply to"
    r"|message|notice|announcement|template|customer|support|story|poem|brief|mail|lettre|courriel"
    r"|correo|carta|lettera|formular)\b"
    r"|邮件|信件|信|对话|问卷|回复|客服|通知|留言|メール|手紙|이메일|편지|письмо|رسالة",
    re.IGNORECASE,
)


def _role_play(instruction: str | None, response: View) -> bool:
    """Whether the instruction asks for a text and the response is long enough to be one."""
    if instruction is None or not _WRITING.search(view(instruction).text):
        return False
    return len(response.text) > 160 or "\n" in response.text.strip()


_CHAT_OPENING = re.compile(
    r"\W{0,3}(?:understood|thank you|thanks|sure|great|certainly|of course|okay|got it|absolutely"
    r"|that is correct|i understand"
    r"|verstanden|natürlich|gerne|danke|bien sûr|d'accord|merci|claro|por supuesto|gracias|certo"
    r"|конечно|хорошо"
    r"|好的|当然|明白|谢谢|はい|承知|わかりました|네|알겠습니다|بالطبع)",
    re.IGNORECASE,
)


def _chats(response: str) -> bool:
    """A short reply that opens like a chat partner and ends with a question."""
    if len(response) > 400:
        return False
    end = response.rstrip()
    return end.endswith(("?", "？", "؟")) and bool(_CHAT_OPENING.match(end))
