"""The money side of a budget: prices, the models that cost something, and the caps."""

from __future__ import annotations

import math
from collections.abc import Iterable

from autoevol.config import BudgetConfig
from autoevol.core.errors import InputError
from autoevol.lm.budget import Caps, Price


def paid_models(models: Iterable[str], budget: BudgetConfig) -> list[str]:
    """The names of those `models` that cost money.

    Raises:
        InputError: If money is capped and one of them has no price, or a price is malformed.
    """
    paid = sorted({name for name in models if not name.startswith("local/")})
    prices = read_prices(budget)
    unpriced = [name for name in paid if name not in prices]
    if budget.max_usd is not None and unpriced:
        raise InputError(f"--max-usd needs --price for {', '.join(unpriced)}")
    return paid


def prices_of(models: Iterable[str], budget: BudgetConfig) -> dict[str, Price]:
    """The given prices, and 0 for the models that run in this process."""
    free = {name: Price(0.0, 0.0) for name in models if name.startswith("local/")}
    return {**free, **read_prices(budget)}


def caps_of(budget: BudgetConfig) -> Caps:
    """The hard caps of a budget."""
    return Caps(budget.max_calls, budget.max_tokens, budget.max_usd)


def read_prices(budget: BudgetConfig) -> dict[str, Price]:
    """`MODEL=input,output` in dollars per million tokens.

    Raises:
        InputError: If one is malformed or not a price.
    """
    prices: dict[str, Price] = {}
    for text in budget.price:
        model, _, pair = text.rpartition("=")
        try:
            per_input, per_output = (float(number) for number in pair.split(","))
        except ValueError as error:
            raise InputError(
                f"--price {text!r}: write it as MODEL=INPUT,OUTPUT, such as openai/x=0.15,0.60"
            ) from error
        if not (0 <= per_input < math.inf and 0 <= per_output < math.inf):
            raise InputError(f"--price {text!r}: a price is a number of dollars from 0")
        prices[model] = Price(per_input, per_output)
    return prices
