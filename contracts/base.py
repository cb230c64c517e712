"""Loading YAML declarations strictly: an unknown or wrong field is refused with its file and line."""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contracts.errors import ContractError, Problem

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
Version = Annotated[str, StringConstraints(pattern=r"^\d+-\d+-\d+$")]
RetentionDays = Annotated[
    int | None,
    Field(
        ge=1,
        description="How long rows are kept, in days, counted back from the date that the lake stands for. "
        "clew_maintenance enforces it: of messages by the period of their source, or of silver.events where that "
        "declares none, with all that is computed from them; the guide on privacy says how each table's is read. "
        "Where the purpose declares a shorter one, that counts.",
    ),
]


class Declared(BaseModel):
    """Base of every declaration: unknown fields are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


M = TypeVar("M", bound=Declared)


class _UniqueKeyLoader(yaml.CSafeLoader):
    """CSafeLoader that refuses a key written twice, which YAML would silently let win.

    And that says on which line a value stands which looks like a date or a number, and is none.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, OverflowError) as error:
            what = "a date or a number that there cannot be; if it is meant as text, put it in quotes"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a key is a text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is written twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_yaml(path: Path, model: type[M]) -> M:
    """Read one declaration.

    Raises:
        ContractError: With every problem of the file at once, each with line, field and what is allowed.
    """
    try:
        declared = _read(path.read_text(encoding="utf-8"), model)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read as YAML"
        found = Problem(str(path), mark.line + 1 if mark else 1, "(whole file)", f"not a valid YAML file: {problem}")
        raise ContractError(f"{path.name} is not valid YAML", do="correct the line", problems=[found]) from error
    except UnicodeDecodeError as error:
        found = Problem(str(path), 1, "(whole file)", "it is no text in UTF-8")
        raise ContractError(f"{path.name} is not valid YAML", do="name a YAML file", problems=[found]) from error
    except ValidationError as error:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        raise _contract_error(path, root, error, model) from error
    if declared is None:
        found = Problem(str(path), 1, "(whole file)", "it holds no declaration")
        raise ContractError(f"{path.name} is empty", do="write the fields of its schema", problems=[found])
    return declared


@lru_cache(maxsize=2048)
def _read(text: str, model: type[M]) -> M | None:
    """What a text declares, read once in a process, however often it is asked for; None of a text without fields."""
    data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader subclass
    return model.model_validate(data) if isinstance(data, dict) else None


def _contract_error(path: Path, root: yaml.Node | None, error: ValidationError, model: type[Declared]) -> ContractError:
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        location = item["loc"]
        allowed: tuple[str, ...] = ()
        if item["type"] == "extra_forbidden":
            allowed = tuple(_allowed_fields(model, location[:-1]))
        field = ".".join(str(step) for step in location) or "(whole file)"
        what = item["msg"].removeprefix("Value error, ")
        problems.append(Problem(str(path), line_of(root, location), field, what, allowed))
    plural = "s" if len(problems) != 1 else ""
    return ContractError(
        f"{len(problems)} wrong field{plural} in {path.name}",
        do="correct what is named, then run: clew check",
        problems=problems,
    )


def problem_at(path: Path, location: Sequence[str | int], what: str, allowed: Sequence[str] = ()) -> Problem:
    """A problem of one place in a YAML file, with its line."""
    root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return Problem(str(path), line_of(root, location), ".".join(map(str, location)), what, tuple(allowed))


def line_of(root: yaml.Node | None, location: Sequence[Any]) -> int:
    """Line (from 1) of the deepest node that exists on the way to ``location``."""
    node, line = root, 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(step)), None)
            if found is None:
                continue  # a step of pydantic's own, such as the branch of a union
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _allowed_fields(model: type[BaseModel], location: Sequence[Any]) -> list[str]:
    current: Any = model
    for step in location:
        fields = getattr(current, "model_fields", {})
        if isinstance(step, str) and step in fields:
            current = _inner_model(fields[step].annotation) or current
    return sorted(getattr(current, "model_fields", {}))


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _inner_model(argument)
        if inner is not None:
            return inner
    return None
