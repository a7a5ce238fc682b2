"""Read what the functions of a cell use and change, and what is made once and lives as they do."""

from __future__ import annotations

import ast

from autograder.grading.library_names import may_be_called, may_be_held, resolve
from autograder.grading.notebook_names import (
    BUILTINS,
    PLAIN,
    LeavesSomething,
    Names,
    kind_of,
)

_DECORATORS = {"torch.no_grad", "torch.enable_grad", "torch.inference_mode", "np.vectorize"}
_DECORATORS |= {"staticmethod", "property", "dataclass"}
_REFUSED_METHODS = {"__new__", "__init_subclass__", "__class_getitem__", "__del__"}
# What may be set on a tensor, and what is a part of one to be set.
_SET_ON_TENSORS = {"data", "grad", "requires_grad"}
_PARTS = _SET_ON_TENSORS | {"T", "bias", "flat", "imag", "param_groups", "real", "weight"}
_FUNCTIONS = (ast.FunctionDef, ast.Lambda)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)


class Reader:
    """Reads one cell: what its functions use and change, and what is made once and stays."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def read(self, tree: ast.Module) -> None:
        """Raise LeavesSomething where a function may remember."""
        # Names that are values: a function is one that something may be set on, as on a tensor.
        self._sets_on_tensors = any(
            isinstance(node, ast.Attribute)
            and not isinstance(node.ctx, ast.Load)
            and node.attr in _SET_ON_TENSORS
            for node in ast.walk(tree)
        )
        self._walk(tree, frozenset(), None, in_function=False)

    def _walk(
        self, node: ast.AST, own: frozenset[str], self_name: str | None, *, in_function: bool
    ) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _FUNCTIONS):
                self._function(child, own, node, in_function=in_function)
            elif isinstance(child, ast.ClassDef):
                self._class(child, own, in_function=in_function)
            elif isinstance(child, ast.Attribute):
                self._attribute(child, node, own, self_name, in_function=in_function)
            else:
                if isinstance(child, ast.Name) and in_function:
                    self._name(child, node, own)
                elif isinstance(child, ast.Subscript) and not isinstance(child.ctx, ast.Load):
                    self._part_set(child, own, self_name, in_function=in_function)
                self._walk(child, own, self_name, in_function=in_function)

    def _function(
        self,
        node: ast.FunctionDef | ast.Lambda,
        own: frozenset[str],
        parent: ast.AST,
        *,
        in_function: bool,
    ) -> None:
        self_name = None
        if isinstance(node, ast.FunctionDef):
            decorators = self._check_decorators(node)
            if isinstance(parent, ast.ClassDef):
                if node.name in _REFUSED_METHODS or "classmethod" in decorators:
                    raise LeavesSomething(node.name)
                first = [*node.args.posonlyargs, *node.args.args][:1]
                self_name = first[0].arg if first and "staticmethod" not in decorators else None
        if not in_function:
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                if default is not None:
                    self._check_default(default)
        inner = own | _own_names(node)
        # As children of one thing: statements, or what a lambda returns.
        body = list[ast.stmt]()
        body += [ast.Expr(node.body)] if isinstance(node, ast.Lambda) else node.body
        self._walk(ast.Module(body, []), inner, self_name, in_function=True)

    def _class(self, node: ast.ClassDef, own: frozenset[str], *, in_function: bool) -> None:
        self._check_decorators(node)
        if node.keywords:
            raise LeavesSomething(node.name)
        for base in node.bases:
            if not isinstance(base, (ast.Name, ast.Attribute)):
                raise LeavesSomething(ast.unparse(base))
        for statement in node.body:
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            is_plain = isinstance(statement, (ast.Assign, ast.AnnAssign)) and (
                statement.value is None or kind_of(statement) == "plain"
            )
            if isinstance(statement, ast.FunctionDef):
                self._function(statement, own, node, in_function=in_function)
            elif not (is_text or is_plain or isinstance(statement, ast.Pass)):
                raise LeavesSomething(node.name)

    def _check_decorators(self, node: ast.FunctionDef | ast.ClassDef) -> set[str]:
        found = set()
        for decorator in node.decorator_list:
            called = decorator
            if isinstance(decorator, ast.Call):
                called = decorator.func
                given = [*decorator.args, *(one.value for one in decorator.keywords)]
                if not all(isinstance(n, PLAIN) for one in given for n in ast.walk(one)):
                    raise LeavesSomething(ast.unparse(decorator))
            found.add(ast.unparse(called))
        if not found <= _DECORATORS:
            raise LeavesSomething(str(found))
        return found

    def _check_default(self, default: ast.expr) -> None:
        """Refuse what is made once and lives as long as the function, if it can be changed."""
        if isinstance(default, ast.Attribute):
            self._attribute(default, default, frozenset(), None, in_function=True)
        elif isinstance(default, ast.Name):
            if not self._names.may_be_used(default.id):
                raise LeavesSomething(default.id)
            self._name(default, default, frozenset())
        elif isinstance(default, ast.UnaryOp):
            self._check_default(default.operand)
        elif not all(isinstance(node, PLAIN) for node in ast.walk(default)):
            raise LeavesSomething(ast.unparse(default))

    def _name(self, node: ast.Name, parent: ast.AST, own: frozenset[str]) -> None:
        """Refuse a class or a module as a value; a function too, where it could be set on."""
        is_called = isinstance(parent, ast.Call) and parent.func is node
        if self._names.is_of(node.id, "import"):
            self._library(self._names.targets[node.id], is_called=is_called)
        elif self._names.is_of(node.id, "class"):
            is_asked = (
                isinstance(parent, ast.Call)
                and isinstance(parent.func, ast.Name)
                and parent.func.id == "isinstance"
            )
            if not (is_called or is_asked or isinstance(parent, ast.arg)):
                raise LeavesSomething(node.id)
        elif self._sets_on_tensors and not (is_called or node.id in own):
            self._refuse_function(node.id)

    def _refuse_function(self, name: str) -> None:
        if self._names.is_of(name, "function"):
            raise LeavesSomething(name)

    def _attribute(
        self,
        node: ast.Attribute,
        parent: ast.AST,
        own: frozenset[str],
        self_name: str | None,
        *,
        in_function: bool,
    ) -> None:
        root, path = _chain(node)
        if not isinstance(node.ctx, ast.Load):
            on_self = isinstance(node.value, ast.Name) and node.value.id == self_name
            on_own = node.attr in _SET_ON_TENSORS and root in own
            if not (on_self or on_own):
                raise LeavesSomething(ast.unparse(node))
        if in_function and root is not None and self._names.is_of(root, "import"):
            is_called = isinstance(parent, ast.Call) and parent.func is node
            self._library(".".join([self._names.targets[root], *path]), is_called=is_called)
        elif in_function and root is not None and root not in own and root not in BUILTINS:
            # What hangs on a function or a class of the notebook.
            raise LeavesSomething(ast.unparse(node))
        elif root is None:
            self._walk(node, own, self_name, in_function=in_function)

    @staticmethod
    def _library(name: str, *, is_called: bool) -> None:
        found = resolve(name)
        if not (may_be_called(found) if is_called else may_be_held(found)):
            raise LeavesSomething(name)

    def _part_set(
        self, node: ast.Subscript, own: frozenset[str], self_name: str | None, *, in_function: bool
    ) -> None:
        """Refuse changes of anything but what a function made, or was given, itself."""
        if not in_function:
            # Data that a cell changes is changed before any call.
            return
        place: ast.expr = node
        while isinstance(place, (ast.Attribute, ast.Subscript)):
            if isinstance(place, ast.Attribute) and place.attr not in _PARTS:
                on_self = isinstance(place.value, ast.Name) and place.value.id == self_name
                if not on_self:
                    raise LeavesSomething(ast.unparse(node))
            place = place.value
        if not isinstance(place, ast.Name) or place.id not in own:
            raise LeavesSomething(ast.unparse(node))


def _chain(node: ast.expr) -> tuple[str | None, list[str]]:
    """Return the name that attributes are of, where it is one, and the attributes in order."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    return (node.id if isinstance(node, ast.Name) else None), path


def _own_names(scope: ast.FunctionDef | ast.Lambda) -> frozenset[str]:
    arguments = [node.arg for node in ast.walk(scope.args) if isinstance(node, ast.arg)]
    stored = [
        node.id
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    handlers = [n.name for n in ast.walk(scope) if isinstance(n, ast.ExceptHandler) and n.name]
    inner = [n.name for n in ast.walk(scope) if isinstance(n, ast.FunctionDef) and n is not scope]
    return frozenset([*arguments, *stored, *handlers, *inner])
