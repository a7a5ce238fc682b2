"""A generator's state out of the box: believed only where its own draws lead from one to the other.

Any other could be one of no generator, which is read beyond its end, or one that draws the same
number for ever. So a state is followed, from what was sent, to what came back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.sandbox.wire.arguments_in import numpy_generator, torch_generator
from autograder.sandbox.wire.results_out import HostileReply

_WORDS = 624
# What one call may draw. A generator that is followed draw by draw takes a second for as many.
_MAX_DRAWS = 2**27
# Of the others the distance is computed.
_MAX_DISTANCE = 2**40
_MAX_NORMAL = 9.0
"""No pair of uniform numbers of 53 bits makes a larger one."""

# https://www.pcg-random.org: the multiplier of each variant's step.
_PCG_MULTIPLIERS = {
    "PCG64": 0x2360ED051FC65DA44385DF649FCCF645,
    "PCG64DXSM": 0xDA942042E4DD58B5,
}
# One for all: a new one draws a seed of its own, for half a millisecond.
_TWISTER = np.random.MT19937(0)
# torch: `CPUGeneratorImplState`. The two numbers that are kept for the next draw of a normal one
# are of two kinds, for float64 and float32.
_TORCH_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "key", "y", "has_y", "z", "has_z"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", _WORDS), "<f8", "<i4", "<f4", "u1"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040, 5048, 5052],
        "itemsize": 5056,
    }
)


def apply_state(generator: torch.Generator | np.random.Generator, state: Any) -> None:
    """Bring a generator to a state that draws of its own lead to; refuse any other one."""
    try:
        if isinstance(generator, torch.Generator):
            generator.set_state(torch.from_numpy(_torch_state(generator, state)))
        else:
            before = generator.bit_generator.state
            generator.bit_generator.state = _numpy_state(before, state)
    except (RuntimeError, TypeError, ValueError, LookupError, OverflowError) as error:
        raise HostileReply("a state that no generator has") from error


def state_of(generator: torch.Generator | np.random.Generator) -> Any:
    """Return a generator's state, as it is sent."""
    if isinstance(generator, torch.Generator):
        return generator.get_state().numpy()
    return generator.bit_generator.state


def generator_of(state: Any) -> torch.Generator | np.random.Generator:
    """Return a generator in this state, whatever led to it, where any generator can be in it.

    For what draws on behalf of the code that sent it: what such a generator draws is its own to
    choose, so long as nothing is read beyond its end.
    """
    try:
        if isinstance(state, np.ndarray):
            parsed = _parsed(state)
            _place(parsed)
            return torch_generator(_written(parsed))
        kind = state["bit_generator"]
        if kind not in _FOLLOWED:
            raise ValueError
        _check_form(state)
        return numpy_generator(kind, state)
    except (RuntimeError, TypeError, ValueError, LookupError, OverflowError) as error:
        raise HostileReply("a state that no generator has") from error


def _check_form(state: Any) -> None:
    """Raise unless all places that a state of numpy's tells lie within its words."""
    _check_halves(state)
    inner, kind = state["state"], state["bit_generator"]
    if kind in _PCG_MULTIPLIERS:
        if not all(0 <= _integer(inner[name]) < 2**128 for name in ("state", "inc")):
            raise ValueError
    elif kind == "MT19937":
        _words(inner["key"], _WORDS, np.uint32)
        if not 0 <= _integer(inner["pos"]) <= _WORDS:
            raise ValueError
    elif kind == "SFC64":
        _words(inner["state"], 4, np.uint64)
    else:
        _words(inner["counter"], 4, np.uint64)
        _words(inner["key"], 2, np.uint64)
        _words(state["buffer"], 4, np.uint64)
        if not 0 <= _integer(state["buffer_pos"]) <= 4:
            raise ValueError


def _torch_state(generator: torch.Generator, claimed: Any) -> np.ndarray[Any, Any]:
    before, after = _parsed(generator.get_state().numpy()), _parsed(claimed)
    if after["seed"] == before["seed"] and _leads_to(_place(before), _place(after)):
        return _written(after)
    # Code may seed a generator that it was given.
    seeded = torch.Generator().manual_seed(int(after["seed"]))
    if _leads_to(_place(_parsed(seeded.get_state().numpy())), _place(after)):
        return _written(after)
    raise _unreached()


def _parsed(state: Any) -> Any:
    if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
        raise TypeError
    return state.copy().view(_TORCH_STATE)[0]


def _place(state: Any) -> tuple[np.ndarray[Any, Any], int]:
    """Return the words of torch's Mersenne twister and how many of them are drawn."""
    left, drawn = int(state["left"]), int(state["next"])
    # A generator that was just seeded has drawn none of words that it has yet to make.
    is_new = (left, drawn) == (1, 0)
    if state["seeded"] != 1 or not (is_new or (left >= 1 and left + drawn == _WORDS + 1)):
        raise ValueError
    return state["key"].astype(np.uint64), _WORDS if is_new else drawn


def _written(state: Any) -> np.ndarray[Any, Any]:
    """Return a state in which nothing stands but what was looked at."""
    for number, has in (("y", "has_y"), ("z", "has_z")):
        if state[has] not in (0, 1) or not abs(float(state[number])) <= _MAX_NORMAL:
            raise ValueError
    clean = np.zeros(1, _TORCH_STATE)
    for name in _TORCH_STATE.names or ():
        clean[0][name] = state[name]
    return clean.view(np.uint8)


def _numpy_state(before: Any, claimed: Any) -> Any:
    kind = before["bit_generator"]
    if not isinstance(claimed, dict) or claimed.keys() != before.keys():
        raise TypeError
    if claimed["bit_generator"] != kind or kind not in _FOLLOWED:
        raise ValueError
    _check_halves(claimed)
    if not _FOLLOWED[kind](before, claimed):
        raise _unreached()
    return claimed


def _check_halves(state: Any) -> None:
    """Raise unless the half of a draw that is kept for the next number of 32 bits is one."""
    if _integer(state.get("has_uint32", 0)) not in (0, 1):
        raise ValueError
    if not 0 <= _integer(state.get("uinteger", 0)) < 2**32:
        raise ValueError


def _pcg_leads(before: Any, claimed: Any) -> bool:
    multiplier, mask = _PCG_MULTIPLIERS[before["bit_generator"]], 2**128 - 1
    state, aim = before["state"]["state"], _integer(claimed["state"]["state"])
    step, distance, bit = before["state"]["inc"], 0, 1
    if _integer(claimed["state"]["inc"]) != step or not 0 <= aim <= mask:
        return False
    # Bit by bit: 2^k steps are one step of another multiplier, which leaves the lower bits alone.
    while state != aim and bit <= _MAX_DISTANCE:
        if (state ^ aim) & bit:
            state, distance = (state * multiplier + step) & mask, distance | bit
        bit, step = bit << 1, (multiplier + 1) * step & mask
        multiplier = multiplier * multiplier & mask
    return bool(state == aim)


def _sfc_leads(before: Any, claimed: Any) -> bool:
    aim = _words(claimed["state"]["state"], 4, np.uint64)
    # The last word counts the draws.
    draws = (int(aim[3]) - int(before["state"]["state"][3])) % 2**64
    if draws > _MAX_DRAWS:
        return False
    followed = np.random.SFC64()
    followed.state = before
    followed.random_raw(draws, output=False)
    return bool(np.array_equal(followed.state["state"]["state"], aim))


def _philox_leads(before: Any, claimed: Any) -> bool:
    counter = _words(claimed["state"]["counter"], 4, np.uint64)
    buffer, place = _words(claimed["buffer"], 4, np.uint64), _integer(claimed["buffer_pos"])
    key = before["state"]["key"]
    if not np.array_equal(_words(claimed["state"]["key"], 2, np.uint64), key):
        return False
    blocks = _counted(counter) - _counted(before["state"]["counter"])
    if blocks == 0:
        unchanged = np.array_equal(buffer, before["buffer"])
        return bool(unchanged and before["buffer_pos"] <= place <= 4)
    if not 0 < blocks <= _MAX_DISTANCE or not 1 <= place <= 4:
        return False
    # What the last count made is what is in the buffer.
    words = [(_counted(counter) - 1 >> 64 * number) % 2**64 for number in range(4)]
    followed = np.random.Philox()
    last = {"counter": np.array(words, dtype=np.uint64), "key": key}
    state: Any = {**before, "state": last, "buffer_pos": 4}
    followed.state = state
    followed.random_raw(1, output=False)
    return bool(np.array_equal(followed.state["buffer"], buffer))


def _counted(counter: Any) -> int:
    return sum(int(word) << 64 * number for number, word in enumerate(counter))


def _twister_leads(before: Any, claimed: Any) -> bool:
    aim = _words(claimed["state"]["key"], _WORDS, np.uint32), _integer(claimed["state"]["pos"])
    return _leads_to((before["state"]["key"], before["state"]["pos"]), aim)


def _leads_to(before: tuple[Any, int], after: tuple[Any, int]) -> bool:
    """Say whether draws lead from one place of a Mersenne twister to another: words, and drawn."""
    key, aim = before[0], after[0]
    if not 0 <= after[1] <= _WORDS:
        return False
    if np.array_equal(key, aim):
        return before[1] <= after[1]
    followed = _TWISTER
    followed.state = {
        "bit_generator": "MT19937",
        "state": {"key": key.astype(np.uint32), "pos": _WORDS},
    }
    # What is drawn of words is made of them one by one, so equal draws are of equal words.
    wanted, rounds, at_once = _tempered(aim), 0, 1
    while rounds * _WORDS < _MAX_DRAWS:
        drawn = followed.random_raw(at_once * _WORDS).reshape(at_once, _WORDS)
        for row in np.flatnonzero(drawn[:, 0] == wanted[0]):
            if np.array_equal(drawn[row], wanted):
                return True
        rounds, at_once = rounds + at_once, 256
    return False


def _tempered(key: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return what a Mersenne twister draws of its words."""
    y = key.astype(np.uint64)
    y = y ^ (y >> np.uint64(11))
    y = y ^ ((y << np.uint64(7)) & np.uint64(0x9D2C5680))
    y = y ^ ((y << np.uint64(15)) & np.uint64(0xEFC60000))
    return y ^ (y >> np.uint64(18))


def _words(value: Any, count: int, dtype: type) -> np.ndarray[Any, Any]:
    if not isinstance(value, np.ndarray) or value.dtype != dtype or value.shape != (count,):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _unreached() -> HostileReply:
    return HostileReply("a state that the generator it was given does not come to")


_FOLLOWED: dict[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(_PCG_MULTIPLIERS, _pcg_leads),
    "SFC64": _sfc_leads,
    "Philox": _philox_leads,
    "MT19937": _twister_leads,
}
