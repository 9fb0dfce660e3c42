"""Which method stays in force: the selection rules, and the one place that knows them by name."""

from __future__ import annotations

from collections.abc import Sequence

from autoevol.core import aio
from autoevol.core.errors import unknown
from autoevol.core.records import Method, Row, Score
from autoevol.optimization.adaptive import AdaptiveRace
from autoevol.optimization.race import Race, Sprint
from autoevol.optimization.rule import Evaluate, Selection, SelectionRule


class LowestFailureRate:
    """The paper's rule: all candidates on all dev rows, the lowest rate wins (section 3.3).

    Of another objective than the failure rate it is the loss, 1 - points, that counts.

    The incumbent is kept on ties, and the earlier of two equal challengers is taken. The
    paper does not say what happens on ties, nor on calls that failed: here a challenger is
    compared with the incumbent on the rows scored for both, and one that lost more than half
    of them to the network is left out.
    """

    name = "paper"
    uses_reserve = False
    dev_rows = "fixed"
    confirms = False

    async def select(
        self,
        incumbent: Method,
        challengers: Sequence[Method],
        rows: Sequence[Row],
        evaluate: Evaluate,
        reserve: Sequence[Row] = (),
    ) -> Selection:
        """See `SelectionRule`."""
        scores = await _all(evaluate, [incumbent, *challengers], rows)
        bar = scores[0]
        fair = [
            (method, *_on_common_rows(score, bar))
            for method, score in zip(challengers, scores[1:], strict=True)
        ]
        usable = [(mine - its, mine, method) for method, mine, its, common in fair if 2 * common >= len(rows)]
        best = min(usable, key=lambda found: (found[0], found[1]), default=None)
        if best is None or best[0] >= 0:
            return Selection(incumbent, scores, f"no challenger is below {bar.loss:.1%}")
        return Selection(best[2], scores, f"{bar.named} {best[1] - best[0]:.1%} -> {best[1]:.1%}")


class ReleasedRule:
    """What the authors' released code does instead: success x growth, ties accepted.

    Growth is mean response length over mean instruction length. Challengers are tried from
    the highest product down; the first that is at least as good as the incumbent in success
    *and* in the product wins. The released code scores every step on another dev slice; here
    the dev set is fixed.
    """

    name = "author"
    uses_reserve = False
    dev_rows = "fixed"
    confirms = False

    async def select(
        self,
        incumbent: Method,
        challengers: Sequence[Method],
        rows: Sequence[Row],
        evaluate: Evaluate,
        reserve: Sequence[Row] = (),
    ) -> Selection:
        """See `SelectionRule`."""
        scores = await _all(evaluate, [incumbent, *challengers], rows)
        bar = scores[0]
        pairs = sorted(zip(challengers, scores[1:], strict=True), key=lambda pair: -_product(pair[1]))
        for method, score in pairs:
            if score.loss <= bar.loss and _product(score) >= _product(bar):
                return Selection(
                    method, scores, f"success x growth {_product(bar):.3f} -> {_product(score):.3f}"
                )
        return Selection(incumbent, scores, f"no challenger reaches success x growth {_product(bar):.3f}")


def _on_common_rows(score: Score, other: Score) -> tuple[float, float, int]:
    """Both losses on the rows scored for both, and how many these are."""
    common = [row_id for row_id in score.marks if score.scored(row_id) and other.scored(row_id)]
    if not common:
        return 1.0, 1.0, 0
    mine, its = (sum(s.marks[row_id].loss for row_id in common) for s in (score, other))
    return mine / len(common), its / len(common), len(common)


def _product(score: Score) -> float:
    return (1.0 - score.loss) * score.growth


async def _all(evaluate: Evaluate, methods: Sequence[Method], rows: Sequence[Row]) -> tuple[Score, ...]:
    return tuple(await aio.gather(evaluate(method, rows) for method in methods))


RULES: dict[str, type[SelectionRule]] = {
    rule.name: rule for rule in (AdaptiveRace, Race, Sprint, LowestFailureRate, ReleasedRule)
}


def find_rule(name: str) -> type[SelectionRule]:
    """The selection rule that `--selection` names.

    Raises:
        InputError: If there is none.
    """
    if name not in RULES:
        raise unknown("--selection", name, RULES)
    return RULES[name]
