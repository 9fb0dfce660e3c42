"""Ends a run early when the replies of a role hold no text, and names the flag to raise."""

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
    """Counts, by role, the replies that are all thinking, or were cut off before any text.

    A `Watcher` of a session. Stored replies count as well, so that a restart with the same settings fails
    the same way at no cost.

    Args:
        models: Their `reply_tokens` are what the message says to raise.
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
        """The same for all roles, however few the replies: for a stage that kept nothing."""
        return next((stop for role in ROLES if (stop := self._stop(role))), None)

    def _stop(self, role: RoleName) -> RepliesTooShort | None:
        blank, replies = self._blank[role], self._replies[role]
        if not blank or blank < _SHARE * replies:
            return None
        own = getattr(self._models, role).reply_tokens is not None
        flag = f"--{role}-reply-tokens" if own and role != "evol" else "--reply-tokens"
        return RepliesTooShort(role, blank, replies, flag, self._models.resolved(role).reply_tokens)
