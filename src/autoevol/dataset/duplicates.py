"""Exact and near duplicates of everything remembered so far."""

from __future__ import annotations

import hashlib
from array import array
from copy import copy
from dataclasses import dataclass

from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]

from autoevol.dataset.words import normalised, shingles

# 12 bands of 4 values: a pair of Jaccard similarity s becomes a candidate with probability
# 1 - (1 - s^4)^12, which is 0.998 at 0.8, 0.96 at 0.7 and 0.54 at 0.5.
_BANDS, _VALUES, _SEED = 12, 4, 1
# A band that so many texts share comes from their template, and says little about any of them.
_CROWD = 64


@dataclass(frozen=True, slots=True)
class Twin:
    """What a text repeats.

    Attributes:
        key: Key under which the earlier text was remembered.
        similarity: Exact Jaccard similarity of their word shingles; 1.0 for an exact duplicate.
        exact: Whether the normalised texts are equal.
    """

    key: str
    similarity: float
    exact: bool


class Duplicates:
    """Remembers texts and finds those that repeat them.

    Exact: equal after normalisation (letter case, width, white space), compared by 64 bits of a hash.
    Near: MinHash proposes candidates, and the exact Jaccard similarity of their shingles (runs
    of three words) decides, so nothing below the threshold is ever called a duplicate. Pairs that
    MinHash does not propose are missed: two in a thousand at a similarity of 0.8, fewer
    above. Seeded; the same texts in the same order give the same answers.

    A text is compared with at most 768 others, so the time per text is bounded. The bound matters if
    thousands share a long template: of the texts that agree only in the template's bands, the first 64 are
    candidates, and more near duplicates are missed (`experiments/LOG.md` says how many).

    Memory: about 1.9 kB per remembered text of 60 words, of which 8 bytes per word are the shingles.

    Args:
        threshold: Least similarity of a near duplicate, above 0 and at most 1.

    Raises:
        ValueError: If the threshold is out of range.
    """

    def __init__(self, threshold: float = 0.8) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"the threshold must be above 0 and at most 1, got {threshold}")
        self.threshold = threshold
        self._keys: list[str] = []
        self._shingles: list[array[int]] = []
        self._exact: dict[int, int] = {}
        # Texts by band: the place of the only one, or the places of the first `_CROWD`.
        self._bands: dict[int, int | array[int]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, text: str | Sketch, *, but: str | None = None) -> Twin | None:
        """The remembered text that `text` repeats most closely, the earliest among equals.

        Texts under the key `but` are skipped.
        """
        sketch = text if isinstance(text, Sketch) else Sketch(text)
        same = self._exact.get(sketch.fingerprint)
        if same is not None and self._keys[same] != but:
            return Twin(self._keys[same], 1.0, exact=True)
        if not sketch.hashes or not self._keys:
            return None
        best, closest = -1, 0.0
        for place in self._candidates(sketch):
            if self._keys[place] == but:
                continue
            similarity = _similarity(sketch.hashes, self._shingles[place])
            if similarity >= self.threshold and similarity > closest:
                best, closest = place, similarity
        return None if best < 0 else Twin(self._keys[best], closest, exact=False)

    def add(self, key: str, text: str | Sketch) -> Twin | None:
        """Remember `text` under `key`, unless it repeats another: then that one is returned."""
        sketch = text if isinstance(text, Sketch) else Sketch(text)
        twin = self.find(sketch)
        if twin is None:
            self._remember(key, sketch)
        return twin

    def remember(self, key: str, text: str | Sketch) -> None:
        """Remember `text` under `key`, whatever it repeats; an equal text keeps its first key."""
        sketch = text if isinstance(text, Sketch) else Sketch(text)
        if sketch.fingerprint not in self._exact:
            self._remember(key, sketch)

    def _remember(self, key: str, sketch: Sketch) -> None:
        place = len(self._keys)
        self._keys.append(key)
        self._exact[sketch.fingerprint] = place
        self._shingles.append(array("q", sketch.hashes))
        for band in sketch.bands:
            known = self._bands.get(band)
            if known is None:
                self._bands[band] = place
            elif isinstance(known, int):
                self._bands[band] = array("q", (known, place))
            elif len(known) < _CROWD:
                known.append(place)

    def _candidates(self, sketch: Sketch) -> list[int]:
        """Places that share a band, in order; at most `_BANDS` x `_CROWD`."""
        places: set[int] = set()
        for band in sketch.bands:
            known = self._bands.get(band, ())
            places.update((known,) if isinstance(known, int) else known)
        return sorted(places)


class Sketch:
    """A text as the search sees it, for asking several collections about it.

    Attributes:
        fingerprint: 64 bits of a hash of the normalised text.
        hashes: 64 bits of a hash of each shingle.
        bands: 64 bits of a hash of each band of the MinHash; empty without shingles.
    """

    __slots__ = ("bands", "fingerprint", "hashes")

    def __init__(self, text: str) -> None:
        found = shingles(text)
        self.fingerprint = _fingerprint(text)
        self.hashes = {hash(shingle) for shingle in found}
        self.bands = _bands(list(found)) if found else ()

    def within(self, context: str) -> Sketch:
        """The sketch of this text after `context`; it matches no text after another context."""
        if not context:
            return self
        moved = copy(self)
        mark = _fingerprint(context)
        moved.fingerprint = hash((mark, self.fingerprint))
        moved.bands = tuple(hash((mark, band)) for band in self.bands)
        return moved


def _bands(found: list[str]) -> tuple[int, ...]:
    values = RMinHash.from_token_sets([found], _BANDS * _VALUES, _SEED)[0].digest()
    return tuple(hash((start, *values[start : start + _VALUES])) for start in range(0, len(values), _VALUES))


def _similarity(first: set[int], second: array[int]) -> float:
    shared = len(first.intersection(second))
    return shared / (len(first) + len(second) - shared)


def _fingerprint(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(normalised(text).encode(), digest_size=8).digest())
