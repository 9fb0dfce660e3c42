"""Watches replies as they come: a role whose replies hold no text ends the run, with the flag to raise."""

from __future__ import annotations

from collections import Counter

from autoevol.config import ModelConfig
from autoevol.config.models import ROLES, RoleName
from autoevol.core.context import Role
from autoevol.core.errors import RepliesTooShort
from autoevol.lm.budget import Price
from autoevol.store.calls import CallRecord

_ENOUGH = 10
_SHARE = 0.8


class ReplyWatch:
    """Counts, by role, the replies that are nothing but thinking, or were cut off before any text.

    A `Watcher` of a session. Replies that the store had count as well: a run that starts again with the
    same settings is told the same, at no cost.

    Args:
        models: Whose `reply_tokens` are to be raised.
    """

    def __init__(self, models: ModelConfig) -> None:
        self._models = models
        self._replies: Counter[RoleName] = Counter()
        self._blank: Counter[RoleName] = Counter()

    def __call__(self, record: CallRecord, role: Role, price: Price | None) -> None:
        """Count a reply.

        Raises:
            RepliesTooShort: If most of at least ten replies of its role hold no text.
        """
        if role == "other":
            return
        self._replies[role] += 1
        if record.text.strip() or not (record.thinking.strip() or record.finish_reason == "length"):
            return
        self._blank[role] += 1
        if self._replies[role] >= _ENOUGH and (stop := self._stop(role)):
            raise stop

    def at_the_end(self) -> RepliesTooShort | None:
        """The same of all roles, however few the replies: for a stage that has kept nothing."""
        return next((stop for role in ROLES if (stop := self._stop(role))), None)

    def _stop(self, role: RoleName) -> RepliesTooShort | None:
        blank, replies = self._blank[role], self._replies[role]
        if not blank or blank < _SHARE * replies:
            return None
        own = getattr(self._models, role).reply_tokens is not None
        flag = f"--{role}-reply-tokens" if own and role != "evol" else "--reply-tokens"
        return RepliesTooShort(role, blank, replies, flag, self._models.resolved(role).reply_tokens)
