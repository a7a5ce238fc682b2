"""The exercise process: call the student's function for the judge, gradients included."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.box.namespaces import limit_cpu
from autograder.box.shell import BoxShell
from autograder.limits import Limits
from autograder.seeds import seed_everything
from autograder.wire.frames import MIB, Frame, PeerClosed, receive_frame, send_frame
from autograder.wire.inbound import Decoder, Encoder
from autograder.wire.outbound import (
    ArrayLeaf,
    NumpyGeneratorLeaf,
    TensorLeaf,
    TorchGeneratorLeaf,
    Unpacked,
    functions_in,
    unpack,
)

_MAX_ARGUMENT_BYTES = 1024 * MIB


@dataclass
class _Graph:
    """What a later gradient request needs of one call."""

    inputs: dict[int, torch.Tensor]
    outputs: list[torch.Tensor]


class CallServer:
    """Serve calls of one function; `resolve` finds it and says which of its lines are student's."""

    def __init__(
        self,
        sock: socket.socket,
        function: Callable[..., Any] | None,
        is_own_line: Callable[[str], bool],
        given: list[Any] | None = None,
    ) -> None:
        self._sock = sock
        self._function = function
        self._is_own_line = is_own_line
        self._graphs: dict[int, _Graph] = {}
        # The functions among the running call's arguments: stand-ins look them up here.
        self._given = given if given is not None else []

    def handle(self, frame: Frame) -> None:
        """Answer one request of the judge."""
        header = frame.header
        if header["do"] == "call":
            self._call(header, frame.block)
        elif header["do"] == "gradient":
            self._gradient(header, frame.block)
        elif header["do"] == "forget":
            self._graphs.clear()

    def _call(self, header: dict[str, Any], block: bytes) -> None:
        if self._function is None:
            send_frame(self._sock, {"reply": "missing"})
            return
        seed_everything(header["seed"])
        try:
            arguments = unpack(block, lambda leaf: self._remote({"callback": leaf}))
            args, kwargs = arguments.value
            self._given[:] = functions_in((args, kwargs))
            value = self._function(*args, **kwargs)
            encoder = Encoder()
            node = encoder.node(value)
            changes = find_changes(arguments, encoder)
        except PeerClosed:
            raise
        except BaseException as error:
            self._reply_error(error)
            return
        self._graphs[header["id"]] = _Graph(arguments.inputs, encoder.tensors)
        send_frame(
            self._sock, {"reply": "value", "value": node, "changes": changes}, encoder.block()
        )

    def _gradient(self, header: dict[str, Any], block: bytes) -> None:
        """Return the vector-Jacobian product of an earlier call, in the order of its inputs."""
        graph = self._graphs[header["id"]]
        received = Decoder(block)
        weights = {int(key): received.value(node) for key, node in header["weights"].items()}
        try:
            gradients = torch.autograd.grad(
                [graph.outputs[index] for index in weights],
                list(graph.inputs.values()),
                [weights[i].to(graph.outputs[i].dtype) for i in weights],
                retain_graph=True,
                allow_unused=True,
            )
        except BaseException as error:
            self._reply_error(error)
            return
        encoder = Encoder()
        nodes = [encoder.node(gradient) for gradient in gradients]
        send_frame(self._sock, {"reply": "gradient", "value": nodes}, encoder.block())

    def _reply_error(self, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        own = [
            {"line": frame.lineno, "function": frame.name[:100], "text": (frame.line or "")[:200]}
            for frame in frames
            if self._is_own_line(frame.filename)
        ]
        try:
            message = str(error)[:500]
        except BaseException:
            message = ""
        kind = type(error).__name__[:100]
        send_frame(
            self._sock, {"reply": "error", "type": kind, "message": message, "own": own[-8:]}
        )

    def _remote(self, target: dict[str, Any]) -> Callable[..., Any]:
        return RemoteFunction(self._sock, target)


class RemoteFunction:
    """A function that lives in the judge: a spy of the test, or the reference of an exercise."""

    def __init__(
        self, sock: socket.socket, target: dict[str, Any], given: list[Any] | None = None
    ) -> None:
        self._sock = sock
        self._target = target
        self._given = given if given is not None else []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        encoder = Encoder(given=self._given)
        node = encoder.node((tuple(args), dict(kwargs)))
        header = {**self._target, "value": node}
        if not torch.is_grad_enabled():
            encoder.tensors.clear()
        handle, value = self._ask(header, encoder.block())
        outputs = [tensor.detach() for tensor in _tensors(value) if tensor.requires_grad]
        if not outputs or not encoder.tensors:
            return _map_tensors(value, lambda tensor: tensor.detach())
        attached = iter(_AskGradient.apply(self, handle, outputs, *encoder.tensors))
        return _map_tensors(value, lambda t: next(attached) if t.requires_grad else t)

    def gradient(self, handle: int, weights: list[torch.Tensor]) -> Any:
        """Ask the judge for the vector-Jacobian product of an earlier call."""
        encoder = Encoder()
        nodes = [encoder.node(weight) for weight in weights]
        header = {"callback_gradient": handle, "weights": nodes}
        return self._ask(header, encoder.block())[1]

    def _ask(self, header: dict[str, Any], block: bytes) -> tuple[int, Any]:
        send_frame(self._sock, header, block)
        frame = receive_frame(self._sock, max_block_bytes=_MAX_ARGUMENT_BYTES)
        if "refused" in frame.header:
            raise RuntimeError(frame.header["refused"])
        return frame.header.get("handle", 0), unpack(frame.block, lambda _: None).value


class _AskGradient(torch.autograd.Function):
    """The place of a remote call in student code's graph; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any, remote: RemoteFunction, handle: int, outputs: Any, *inputs: torch.Tensor
    ) -> Any:
        ctx.remote, ctx.handle = remote, handle
        return tuple(output.clone() for output in outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *weights: torch.Tensor) -> Any:
        return (None, None, None, *ctx.remote.gradient(ctx.handle, list(weights)))


def _tensors(value: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        found.append(tensor)
        return tensor

    _map_tensors(value, note)
    return found


def _map_tensors(value: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_tensors(item, change) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_map_tensors(item, change) for item in value)
    return value


def find_changes(arguments: Unpacked, encoder: Encoder) -> list[dict[str, Any]]:
    """Return what the call changed in its arguments, leaf by leaf."""
    changes: list[dict[str, Any]] = []
    for index, (leaf, current) in enumerate(zip(arguments.leaves, arguments.objects, strict=True)):
        change: dict[str, Any] = {}
        if isinstance(leaf, ArrayLeaf):
            if not _same(leaf.values, current):
                change["values"] = encoder.node(current)
        elif isinstance(leaf, TensorLeaf):
            change = _tensor_change(leaf, current, encoder)
        elif isinstance(leaf, TorchGeneratorLeaf):
            state = current.get_state().numpy()
            if not _same(leaf.state, state):
                change["state"] = encoder.node(state)
        elif isinstance(leaf, NumpyGeneratorLeaf):
            state = current.bit_generator.state
            if not _same_state(leaf.state, state):
                change["state"] = encoder.node(_plain_state(state))
        if change:
            changes.append({"leaf": index, **change})
    return changes


def _tensor_change(leaf: TensorLeaf, current: torch.Tensor, encoder: Encoder) -> dict[str, Any]:
    change: dict[str, Any] = {}
    values = current.detach().numpy()
    if not _same(leaf.values, values):
        change["values"] = encoder.node(values)
    grad = current.grad if current.is_leaf else None
    now = None if grad is None else grad.detach().numpy()
    if (now is None) != (leaf.grad is None) or (now is not None and not _same(leaf.grad, now)):
        change["grad"] = encoder.node(now)
    if current.requires_grad != leaf.requires_grad:
        change["requires_grad"] = bool(current.requires_grad)
    return change


def _plain_state(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _plain_state(item) for key, item in state.items()}
    return state


def _same_state(one: Any, other: Any) -> bool:
    """Compare states of numpy's bit generators: some of them hold arrays."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_state(one[key], other[key]) for key in one)
    return bool(np.array_equal(one, other))


def _same(one: Any, other: Any) -> bool:
    return (
        one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    )


def serve_calls(
    sock: socket.socket, shell: BoxShell, exercise: str, stand_ins: list[str], limits: Limits
) -> None:
    """Serve the calls of one exercise until the judge hangs up."""
    given: list[Any] = []
    for name in stand_ins:
        shell.user_ns[name] = RemoteFunction(sock, {"stand_in": name}, given)
    function = shell.user_ns.get(exercise)
    cell_files = set(shell.compile._filename_map)
    server = CallServer(
        sock,
        function if callable(function) else None,
        lambda filename: filename in cell_files,
        given,
    )
    while True:
        try:
            frame = receive_frame(sock, max_block_bytes=_MAX_ARGUMENT_BYTES)
        except PeerClosed:
            return
        limit_cpu(limits.call_cpu_s)
        server.handle(frame)
