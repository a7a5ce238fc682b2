"""Find pairs of answers that share what few others wrote.

Passages of a few tokens are counted over the class. What many have, or a known answer of the
course has, tells nothing. Only students who share enough of the rest are compared at all, so a
large class does not cost all its pairs; how alike they are then says RapidFuzz.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz.distance import Indel

from autograder.similarity.answers import Answer, ClassAnswers

PASSAGE_TOKENS = 6
MIN_RARE_PASSAGES = 8
_COMMON_AT_LEAST, _COMMON_AT_MOST, _COMMON_SHARE = 5, 30, 0.1

_FIRST_CHARACTER = 0x10000  # Beyond the surrogates, which no text may hold.


@dataclass(frozen=True)
class Alike:
    """Two students' answers to one exercise."""

    exercise: str
    first: Answer
    second: Answer
    similarity: float
    """Share of tokens in common, in order: 1 for answers that differ in names and layout alone."""
    rare_passages: int
    """Passages that the two share and few others have."""

    @property
    def lines(self) -> list[tuple[int, int]]:
        """Return the lines in common, by their numbers in the two answers."""
        places: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for line in self.second.lines:
            places[line.tokens].append(line.number)
        return [
            (line.number, places[line.tokens].pop(0))
            for line in self.first.lines
            if places[line.tokens]
        ]


@dataclass(frozen=True)
class Pair:
    """Two students, and every exercise in which their answers are alike."""

    students: tuple[str, str]
    exercises: tuple[Alike, ...]

    @property
    def suspicion(self) -> int:
        """Return how many rare passages they share in all: the order of the list."""
        return sum(one.rare_passages for one in self.exercises)

    @property
    def similarity(self) -> float:
        """Return the highest similarity of any exercise."""
        return max(one.similarity for one in self.exercises)

    @property
    def lines_in_common(self) -> int:
        """Return how many lines they have in common, over all these exercises."""
        return sum(len(one.lines) for one in self.exercises)


def similar_pairs(answers: ClassAnswers, threshold: float) -> list[Pair]:
    """Return the pairs with an exercise at or above the threshold, most suspicious first."""
    pairs: dict[tuple[str, str], list[Alike]] = defaultdict(list)
    for exercise, ones in answers.by_exercise.items():
        for alike in compare(exercise, ones, answers.known.get(exercise, []), threshold):
            pairs[alike.first.student, alike.second.student].append(alike)
    found = [Pair(students, tuple(alike)) for students, alike in pairs.items()]
    return sorted(found, key=lambda pair: (-pair.suspicion, -pair.similarity, pair.students))


def compare(
    exercise: str, answers: list[Answer], known: list[Answer], threshold: float
) -> Iterator[Alike]:
    """Yield the pairs of answers to one exercise that are suspiciously alike."""
    alphabet: dict[str, str] = {}
    texts = [_encoded(answer, alphabet) for answer in answers]
    expected = {passage for answer in known for passage in _passages(_encoded(answer, alphabet))}
    shared = _shared_rare_passages([_passages(text) for text in texts], expected)
    for (first, second), count in sorted(shared.items()):
        if count < MIN_RARE_PASSAGES:
            continue
        similarity = Indel.normalized_similarity(
            texts[first], texts[second], score_cutoff=threshold
        )
        if similarity > 0 and similarity >= threshold:
            yield Alike(exercise, answers[first], answers[second], similarity, count)


def _encoded(answer: Answer, alphabet: dict[str, str]) -> str:
    """Return an answer as a text of one character a token."""
    return "".join(
        alphabet.setdefault(token, chr(_FIRST_CHARACTER + len(alphabet))) for token in answer.tokens
    )


def _passages(text: str) -> set[str]:
    return {text[start : start + PASSAGE_TOKENS] for start in range(len(text) - PASSAGE_TOKENS + 1)}


def common_from(class_size: int) -> int:
    """Return of how many answers a passage tells nothing: a tenth of the class, within bounds.

    Few friends who copy from one another stay below it in a class of any size.
    """
    share = round(_COMMON_SHARE * class_size)
    return 1 + min(max(_COMMON_AT_LEAST, share), _COMMON_AT_MOST)


def _shared_rare_passages(passages: list[set[str]], expected: set[str]) -> Counter[tuple[int, int]]:
    """Count for each pair the passages they share that are rare; other pairs are not in it."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, own in enumerate(passages):
        for passage in own - expected:
            holders[passage].append(number)
    limit = common_from(len(passages))
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        if len(numbers) < limit:
            shared.update(combinations(numbers, 2))
    return shared
