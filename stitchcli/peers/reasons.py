"""Adding up why two counts differ."""

from __future__ import annotations

from dataclasses import dataclass, field

from stitchcli.records import Reason


@dataclass
class Ledger:
    """Amounts by reason, theirs minus ours."""

    _amounts: dict[str, int] = field(default_factory=dict)
    _places: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, why: str, amount: int, *places: str) -> None:
        """Enter an amount, and the paths of the modules that it is from."""
        if amount:
            self._amounts[why] = self._amounts.get(why, 0) + amount
            self._places.setdefault(why, {}).update(dict.fromkeys(places))

    def reasons(self) -> tuple[Reason, ...]:
        """Every reason, the one that weighs most first."""
        found = [
            Reason(why, amount, tuple(self._places[why]))
            for why, amount in self._amounts.items()
            if amount
        ]
        return tuple(sorted(found, key=lambda each: -abs(each.amount)))
