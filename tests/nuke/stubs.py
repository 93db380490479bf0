"""The vocabulary and signatures of the real `nuke` module, from the published stubs of Nuke 13.2 (types-nuke)."""

from __future__ import annotations

import ast
import importlib.metadata
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

Function = ast.FunctionDef


@dataclass
class Stub:
    """What the stubs say.

    Attributes:
        values: names of constants.
        functions: each with its overloads.
        classes: methods, each with its overloads, by class.
        bases: base classes' names by class.
    """

    values: set[str] = field(default_factory=set)
    functions: dict[str, list[Function]] = field(default_factory=dict)
    classes: dict[str, dict[str, list[Function]]] = field(default_factory=dict)
    bases: dict[str, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return self.values | set(self.functions) | set(self.classes)

    def method(self, kind: str, name: str) -> list[Function]:
        """Overloads of a method, its own or inherited; none where there is no such method."""
        if name in self.classes.get(kind, {}):
            return self.classes[kind][name]
        return next((found for base in self.bases.get(kind, []) if (found := self.method(base, name))), [])


@cache
def stub() -> Stub:
    folder = next(
        Path(str(file.locate())).parent
        for file in importlib.metadata.files("types-nuke") or []
        if file.name == "_nuke.pyi"
    )
    found = Stub()
    for name in ("_nuke", "callbacks", "executeInMain", "utils", "overrides", "colorspaces"):
        for item in ast.parse((folder / f"{name}.pyi").read_text(encoding="utf-8")).body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                found.values.add(item.target.id)
            elif isinstance(item, ast.Assign):
                found.values |= {target.id for target in item.targets if isinstance(target, ast.Name)}
            elif isinstance(item, ast.FunctionDef):
                found.functions.setdefault(item.name, []).append(item)
            elif isinstance(item, ast.ClassDef):
                methods = found.classes.setdefault(item.name, {})
                found.bases[item.name] = [base.id for base in item.bases if isinstance(base, ast.Name)]
                for part in item.body:
                    if isinstance(part, ast.FunctionDef):
                        methods.setdefault(part.name, []).append(part)
    return found


def parameters(function: Function, method: bool) -> tuple[list[str], int, bool]:
    """Names, how many must be given, and whether any number may."""
    names = [argument.arg for argument in function.args.args][1 if method else 0 :]
    return names, len(names) - len(function.args.defaults), function.args.vararg is not None
