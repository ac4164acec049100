"""Was the answer used instead of built? Looks for an exercise's banned names in the syntax trees of a student's cells.

What a syntax tree cannot show (a banned function behind a computed name) is seen at run time: `sandboxed/watch.py`.
"""

from __future__ import annotations

import ast
import functools
import symtable
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

ALIASES = {"np": "numpy", "plt": "matplotlib.pyplot", "F": "torch.nn.functional", "nn": "torch.nn"}


@dataclass
class _Facts:
    """What one cell, or one definition in it, says about names."""

    imports: dict[str, str] = field(default_factory=dict)  # local name -> full dotted name
    imported: set[str] = field(default_factory=set)  # full names of `from a import b`
    modules: set[str] = field(default_factory=set)  # top-level packages that are imported
    chains: set[tuple[str, ...]] = field(default_factory=set)  # a.b.c, as written
    methods: set[str] = field(default_factory=set)  # f of x.f()
    calls: set[str] = field(default_factory=set)  # f of f()

    def dotted(self, names: Mapping[str, str]) -> set[str]:
        """Every name used here, in full."""
        return self.imported | {".".join([names.get(chain[0], chain[0]), *chain[1:]]) for chain in self.chains}


def _chain(node: ast.AST) -> tuple[str, ...]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()


def _facts_of(tree: ast.AST) -> _Facts:
    facts = _Facts()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            facts.chains.add(_chain(node))
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                facts.methods.add(node.func.attr)
            elif isinstance(node.func, ast.Name):
                facts.calls.add(node.func.id)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                facts.modules.add(top)
                facts.imports[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            facts.modules.add(node.module.split(".")[0])
            for alias in node.names:
                facts.imported.add(f"{node.module}.{alias.name}")
                facts.imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    facts.chains.discard(())
    return facts


@functools.lru_cache(maxsize=1024)
def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=1024)
def _facts(source: str) -> _Facts:
    tree = _parse(source)
    return _facts_of(tree) if tree is not None else _Facts()


def full_names(banned: Sequence[str]) -> list[str]:
    """Banned names with the usual abbreviations written out: `np.x` is `numpy.x`."""
    return [".".join([ALIASES.get(head, head), *rest]) for head, *rest in (name.split(".") for name in banned)]


def imported_names(sources: Iterable[str]) -> dict[str, str]:
    """local name -> full dotted name, for all imports in these cells."""
    return {name: full for source in sources for name, full in _facts(source).imports.items()}


def _hits(facts: _Facts, banned: Sequence[str], imported: Mapping[str, str]) -> set[str]:
    names = {**ALIASES, **imported, **facts.imports}
    full = full_names(banned)
    return {name for name in facts.dotted(names) if any(name == ban or name.startswith(ban + ".") for ban in full)}


def banned_names(source: str, banned: Sequence[str], imported: Mapping[str, str] | None = None) -> list[str]:
    """The banned names that this cell uses, by any import alias; `imported` are the names of other cells' imports."""
    return sorted(_hits(_facts(source), banned, imported or {})) if banned else []


# Helpers in other cells ---------------------------------------------------------------------------------------------


def _walk_scopes(table: symtable.SymbolTable) -> Iterable[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _walk_scopes(child)


@functools.lru_cache(maxsize=1024)
def _global_names(source: str) -> frozenset[str]:
    """Names that this cell takes from the notebook: not its functions' own variables and arguments."""
    try:
        table = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    for scope in _walk_scopes(table):
        if scope is not table:
            found |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
    return frozenset(found)


@functools.lru_cache(maxsize=1024)
def _definitions(source: str) -> dict[str, str]:
    """name -> source of each function, class or alias (`f = torch.exp`, a lambda) that a cell defines at its top level."""
    tree = _parse(source)
    found = {}
    for node in tree.body if tree is not None else []:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = ast.unparse(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Attribute, ast.Name, ast.Lambda)):
            found |= {target.id: ast.unparse(node) for target in node.targets if isinstance(target, ast.Name)}
    return found


def helpers_of(source: str, others: Iterable[str]) -> list[str]:
    """Sources of the definitions in other cells that this cell uses, directly or through one another."""
    known = {name: text for other in others for name, text in _definitions(other).items()}
    found: dict[str, str] = {}
    todo = [source]
    while todo:
        for name in _global_names(todo.pop()):
            if name in known and name not in found:
                found[name] = known[name]
                todo.append(known[name])
    return list(found.values())


# Doubts -------------------------------------------------------------------------------------------------------------


def doubtful_methods(source: str, banned: Sequence[str]) -> list[str]:
    """Methods called like a banned function (`x.logsumexp()`) or reached by a computed name: for the TA to look at."""
    if not banned:
        return []
    facts = _facts(source)
    last = {name.rsplit(".", 1)[-1] for name in banned}
    found = {f".{name}()" for name in facts.methods & last}
    found |= {f"{name}()" for name in facts.calls & {"getattr", "__import__", "eval", "exec"}}
    found |= {f"import {name}" for name in facts.modules & {"ctypes", "importlib", "inspect", "gc"}}
    return sorted(found)
