"""Was the answer used instead of built? Looks for an exercise's banned names in the syntax tree of its cells."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

ALIASES = {"np": "numpy", "plt": "matplotlib.pyplot", "F": "torch.nn.functional", "nn": "torch.nn"}


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _imports(trees: Iterable[ast.Module]) -> dict[str, str]:
    """local name -> full dotted name, from every import statement."""
    names = dict(ALIASES)
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    names[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def _expand(banned: Sequence[str]) -> list[str]:
    """Banned names in full: `np.x` is `numpy.x`."""
    return [".".join([ALIASES.get(head, head), *rest]) for head, *rest in (name.split(".") for name in banned)]


def imported_names(sources: Iterable[str]) -> dict[str, str]:
    """local name -> full dotted name, for all imports in these cells."""
    return _imports(tree for tree in map(_parse, sources) if tree is not None)


def banned_names(source: str, banned: Sequence[str], imported: Mapping[str, str] | None = None) -> list[str]:
    """The banned names that this cell uses, by any import alias; `imported` are the names of other cells' imports."""
    tree = _parse(source)
    if tree is None or not banned:
        return []
    names = {**(imported or {}), **_imports([tree])}
    full = _expand(banned)
    used: list[str] = []
    for node in ast.walk(tree):
        candidates: list[str | None] = []
        if isinstance(node, (ast.Attribute, ast.Name)):
            candidates = [_dotted(node, names)]
        elif isinstance(node, ast.ImportFrom) and node.module:
            candidates = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in candidates:
            for ban in full:
                if name is not None and (name == ban or name.startswith(ban + ".")) and name not in used:
                    used.append(name)
    return used


def doubtful_methods(source: str, banned: Sequence[str]) -> list[str]:
    """Methods called like a banned function (`x.logsumexp()`) or reached by a computed name: for the TA to look at."""
    tree = _parse(source)
    if tree is None or not banned:
        return []
    last = {name.rsplit(".", 1)[-1] for name in banned}
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in last:
            found.append(f".{node.func.attr}()")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("getattr", "__import__", "eval", "exec"):
                found.append(f"{node.func.id}()")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            if module and module.split(".")[0] in ("ctypes", "importlib", "inspect", "gc"):
                found.append(f"import {module}")
    return sorted(set(found))
