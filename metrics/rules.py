"""The two published response rules, kept exact, as baselines.

They look at the response alone. On real evolutions they flag about 3 % of the cases
where raters find about half broken, which is why they are not the default here.
"""

from __future__ import annotations

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed

# A turn that ends by asking back means that the model chatted instead of solving.
_CHAT_PREFIXES = {
    "Understood": FailureKind.STAGNANT,
    "Thank you": FailureKind.STAGNANT,
    "What": FailureKind.STAGNANT,
    "That is correct": FailureKind.STAGNANT,
    "Great": FailureKind.STAGNANT,
    "Sure": FailureKind.ASKS_FOR_MORE,
}
_CODE_PREFIXES = {
    **_CHAT_PREFIXES,
    "I'm sorry": FailureKind.REFUSED,
    "Is there anything else": FailureKind.STAGNANT,
    "As an AI assistant": FailureKind.REFUSED,
    "I understand": FailureKind.STAGNANT,
}


class PaperRules:
    """The rules of appendix A and table 5 of Auto Evol-Instruct (arXiv:2406.00770).

    A response fails if it begins with one of six openings and its last character is a
    question mark, or if it contains "please provide". The paper names the causes:
    stagnant complexity, insufficient qualification ("Sure"), loss of key information
    ("please provide"); they are mapped to this project's kinds. The text is compared as
    it stands: case-sensitive and unstripped, except that the contained phrase is sought
    in any case, as the released code does. A missing or empty response passes.

    Section 3.3 of the paper says "contains" where its appendix says "begins with"; the
    appendix and the released code agree, so "begins with" is used.
    """

    name = "paper-rules"
    kinds: frozenset[FailureKind] = frozenset(
        {FailureKind.STAGNANT, FailureKind.ASKS_FOR_MORE, FailureKind.LOST_INFORMATION}
    )
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge the response by the published rules."""
        response = trajectory.response or ""
        kind = _asks_back(response, _CHAT_PREFIXES)
        if kind is not None:
            return failed(self.name, kind, _opening(response))
        if "please provide" in response.lower():
            return failed(self.name, FailureKind.LOST_INFORMATION, 'The response says "please provide".')
        return passed(self.name)


class AuthorRules:
    """The rules of the authors' released code, `is_false_string` (Zeng-WH/Auto-Evol-Instruct).

    Ten case-sensitive prefixes count with a final "?" on the unstripped text; the
    phrases "please provide" and "not possible" count anywhere, in any case. As there, an
    empty response and a plain refusal count as success.
    """

    name = "author-rules"
    kinds: frozenset[FailureKind] = frozenset(
        {
            FailureKind.STAGNANT,
            FailureKind.ASKS_FOR_MORE,
            FailureKind.REFUSED,
            FailureKind.LOST_INFORMATION,
            FailureKind.UNSOLVABLE,
        }
    )
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge the response by the released code's rules."""
        response = trajectory.response or ""
        kind = _asks_back(response, _CODE_PREFIXES)
        if kind is not None:
            return failed(self.name, kind, _opening(response))
        lowered = response.lower()
        if "please provide" in lowered:
            return failed(self.name, FailureKind.LOST_INFORMATION, 'The response says "please provide".')
        if "not possible" in lowered:
            return failed(self.name, FailureKind.UNSOLVABLE, 'The response says "not possible".')
        return passed(self.name)


def _asks_back(response: str, prefixes: dict[str, FailureKind]) -> FailureKind | None:
    if not response.endswith("?"):
        return None
    return next((kind for prefix, kind in prefixes.items() if response.startswith(prefix)), None)


def _opening(response: str) -> str:
    return f'The response opens with "{" ".join(response[:200].split()[:3])}" and ends with a question mark.'
