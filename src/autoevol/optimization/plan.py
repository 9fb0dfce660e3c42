"""What an optimisation may need, known before its first call: LM calls and rows."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.config import LoopConfig
from autoevol.optimization.confirming import FEWEST
from autoevol.optimization.dev_rows import DevRows
from autoevol.optimization.rule import SelectionRule

Rule = SelectionRule | type[SelectionRule]


@dataclass(frozen=True)
class Extra:
    """What comes on top of scoring every rewrite on the dev rows.

    Attributes:
        moves: Whether dev rows move, so that every step scores the incumbent anew.
        reserve: Rows of a rule's reserve, R.
        confirm: Rows of the confirmation, C.
    """

    moves: bool = False
    reserve: int = 0
    confirm: int = 0

    @classmethod
    def of(cls, config: LoopConfig, rule: Rule, dev_rows: DevRows, spare: int) -> Extra:
        """What a rule asks for if there are `spare` rows beyond train and the first dev rows."""
        confirm = confirm_rows(config, rule, spare)
        reserve = min(config.reserve_size, spare - confirm) if rule.uses_reserve else 0
        return cls(dev_rows.moves, reserve, confirm)

    def looks(self, config: LoopConfig, starts: int) -> int:
        """Rows run at most for reserve and confirmation; see `planned_calls`."""
        races = config.steps + (starts > 1)
        reserve = (2 * races if self.moves else races + 1) if races else 0
        return self.reserve * reserve + 2 * self.confirm


def planned_calls(
    config: LoopConfig,
    *,
    rounds: int,
    dev: int,
    batch: int,
    starts: int = 1,
    extra: Extra = Extra(),
) -> dict[str, int]:
    """The most LM calls that an optimisation makes, by role: an upper bound, reached by the paper's rule.

    It is what is paid if every reply parses, every proposal is usable, and every method is scored on
    every dev row, which a race spares itself. With l rounds, D dev rows, batches of B rows, m
    chains, T steps and S starting methods, on fixed rows:

    - evol: l * (S*D + T*(B + m*D))
    - respond: S*D + T*(B + m*D)
    - optimizer: T * 2m

    At the paper's settings (l=1, D=50, B=10, m=5, T=10, S=1) that is 5,400 calls. The paper
    counts 6,120 (table 11): it scores the incumbent anew at every step, and counts one analysis
    and one rewrite per step instead of m. Where dev rows move, every step scores the incumbent anew:
    T*D more rows. A confirmation on C rows scores two methods: 2*C more.

    With a reserve of R rows, a race looks with a method at most once at each, and of methods with the
    incumbent and one leader. On fixed rows K races (K = T, and one more if S > 1) add R*(K + 1) if
    K > 0; on rows that move 2*R*K.
    """
    scored = starts * dev + config.steps * (batch + (config.m + extra.moves) * dev)
    runs = scored + extra.looks(config, starts)
    return {"evol": rounds * runs, "respond": runs, "optimizer": 2 * config.m * config.steps}


def spare_rows(config: LoopConfig, rule: Rule, dev_rows: DevRows) -> int:
    """Rows beyond train and the first `config.dev_size` dev rows that a whole run may look at."""
    steps = config.steps * config.dev_size if dev_rows.moves else 0
    reserve = config.reserve_size if rule.uses_reserve else 0
    return steps + reserve + (config.confirm_size if rule.confirms else 0)


def confirm_rows(config: LoopConfig, rule: Rule, spare: int) -> int:
    """How many of the `spare` rows are kept for the confirmation: none where they would be too few."""
    wanted = min(config.confirm_size, spare // 2) if rule.confirms else 0
    return wanted if wanted >= FEWEST else 0
