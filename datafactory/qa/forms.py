"""Answers as text in three forms, and back. The text alone says what kind of answer it is.

====== ============================================ ==============================================
answer json                                         xml
====== ============================================ ==============================================
boxes  ``{"label": "mug", "bbox_2d": [1, 2, 3, 4]}`` ``<box label="mug" x1="1" y1="2" .../>``
pick   ``{"pick": {"bbox_2d": [...]}, "place": ...}`` ``<pick x1=.../><place x1=.../>``
points ``{"label": "mug", "point_2d": [1, 2]}``      ``<point label="mug" x="1" y="2"/>``
trace  ``{"trace_2d": [[1, 2], [3, 4]]}``            ``<trace><point x="1" y="2"/>...</trace>``
plan   ``{"plan": ["pick up the mug", ...]}``        ``<plan><step>pick ...</step>...</plan>``
words  ``{"answer": "yes"}``                         ``<answer>yes</answer>``
====== ============================================ ==============================================

Several boxes or points are a JSON list, or XML elements one after another. In plain text they are
``mug [1, 2, 3, 4]; ...``, ``pick at [...], place at [...]``, ``mug (1, 2); ...``,
``(1, 2) -> (3, 4)``, ``1. pick up the mug`` (a line a step) and ``yes``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from datafactory.errors import SpecError, UnknownNameError
from datafactory.qa.answers import Answer, Box, Boxes, PickPlace, Plan, Point, Points, Trace, Words

Form = Literal["json", "xml", "plain"]
FORMS: tuple[Form, ...] = get_args(Form)

_EDGES = ("x1", "y1", "x2", "y2")
_PIXELS = r"\[([0-9]+), ?([0-9]+), ?([0-9]+), ?([0-9]+)\]"
_PICK_PLACE = re.compile(rf"pick at {_PIXELS}, place at {_PIXELS}")
_BOX = re.compile(rf"(.+) {_PIXELS}")
_POINT = re.compile(r"(.+) \(([0-9]+), ?([0-9]+)\)")
_STEP = re.compile(r"[0-9]+\. (.+)")
_WAYPOINT = re.compile(r"\(([0-9]+), ?([0-9]+)\)")
_FENCE = re.compile(r"```(?:json|xml)?\s*(.*?)\s*```", re.DOTALL)


def write_answer(answer: Answer, form: Form) -> str:
    """The answer as text.

    Raises:
        UnknownNameError: There is no such form.
    """
    if form == "json":
        return json.dumps(_json(answer), ensure_ascii=False)
    if form == "xml":
        return _xml(answer)
    if form == "plain":
        return _plain(answer)
    raise UnknownNameError.of("answer form", form, FORMS)


def parse_answer(text: str) -> Answer:
    """Reads an answer in any form; a code fence around it is taken off.

    Raises:
        SpecError: The text is no answer.
    """
    stripped = text.strip()
    fenced = _FENCE.fullmatch(stripped)
    body = fenced[1] if fenced else stripped
    try:
        if body.startswith(("{", "[")):
            return _read_json(json.loads(body))
        if body.startswith("<"):
            return _read_xml(ElementTree.fromstring(f"<all>{body}</all>"))
        return _read_plain(body)
    except (ValueError, KeyError, TypeError, RecursionError, ElementTree.ParseError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise SpecError(
            f"this is no answer: {_start(body, 60)!r}",
            why=_start(why, 200),
            remedy="see datafactory.qa.forms",
        ) from error


def _start(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _json(answer: Answer) -> Any:
    if isinstance(answer, Boxes):
        items: list[Any] = [{"label": b.label, "bbox_2d": list(b.edges)} for b in answer.boxes]
        return items[0] if len(items) == 1 else items
    if isinstance(answer, PickPlace):
        return {b.label: {"bbox_2d": list(b.edges)} for b in (answer.pick, answer.place)}
    if isinstance(answer, Points):
        items = [{"label": p.label, "point_2d": [p.x, p.y]} for p in answer.points]
        return items[0] if len(items) == 1 else items
    if isinstance(answer, Trace):
        return {"trace_2d": [list(p) for p in answer.points]}
    if isinstance(answer, Plan):
        return {"plan": list(answer.steps)}
    return {"answer": answer.text}


def _read_json(value: Any) -> Answer:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) for item in items):
        raise ValueError("JSON answers are an object or a list of objects")
    if all("bbox_2d" in item for item in items):
        return Boxes(tuple(_box(i["label"], i["bbox_2d"]) for i in items))
    if all("point_2d" in item for item in items):
        return Points(tuple(Point(_text(i["label"]), *_pixels(i["point_2d"], 2)) for i in items))
    if isinstance(value, list):
        raise ValueError("a list holds either boxes or points")
    return _read_object(value)


def _read_object(value: Mapping[str, Any]) -> Answer:
    if "pick" in value:
        pick, place = value["pick"]["bbox_2d"], value["place"]["bbox_2d"]
        return PickPlace(_box("pick", pick), _box("place", place))
    if "trace_2d" in value:
        x_y = [_pixels(p, 2) for p in value["trace_2d"]]
        return Trace(tuple((x, y) for x, y in x_y))
    if "plan" in value:
        if not isinstance(value["plan"], list):
            raise ValueError("a plan is a list of steps")
        return Plan(tuple(_text(s) for s in value["plan"]))
    return Words(_text(value["answer"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _pixels(values: Any, count: int) -> list[int]:
    whole = isinstance(values, list) and all(type(v) is int for v in values)
    if not whole or len(values) != count:
        raise ValueError(f"{values!r} is not a list of {count} whole numbers")
    return list(values)


def _box(label: Any, values: Any) -> Box:
    return Box(_text(label), *_pixels(values, 4))


def _attributes(names: Sequence[str], values: Sequence[int]) -> str:
    return " ".join(f'{n}="{v}"' for n, v in zip(names, values, strict=True))


def _xml(answer: Answer) -> str:
    if isinstance(answer, Boxes):
        return "".join(
            f"<box label={quoteattr(b.label)} {_attributes(_EDGES, b.edges)}/>"
            for b in answer.boxes
        )
    if isinstance(answer, PickPlace):
        both = (answer.pick, answer.place)
        return "".join(f"<{b.label} {_attributes(_EDGES, b.edges)}/>" for b in both)
    if isinstance(answer, Points):
        return "".join(
            f'<point label={quoteattr(p.label)} x="{p.x}" y="{p.y}"/>' for p in answer.points
        )
    if isinstance(answer, Trace):
        inside = "".join(f'<point x="{x}" y="{y}"/>' for x, y in answer.points)
        return f"<trace>{inside}</trace>"
    if isinstance(answer, Plan):
        inside = "".join(f"<step>{escape(s)}</step>" for s in answer.steps)
        return f"<plan>{inside}</plan>"
    return f"<answer>{answer.text}</answer>"


def _read_xml(root: ElementTree.Element) -> Answer:
    _check_xml(root)
    tags = [element.tag for element in root]
    if tags and set(tags) == {"box"}:
        return Boxes(tuple(_xml_box(e, e.attrib["label"]) for e in root))
    if tags == ["pick", "place"]:
        return PickPlace(_xml_box(root[0], "pick"), _xml_box(root[1], "place"))
    if tags and set(tags) == {"point"}:
        return Points(tuple(Point(e.attrib["label"], *_xml_pixel(e)) for e in root))
    if tags == ["trace"]:
        return Trace(tuple(_xml_pixel(e) for e in root[0]))
    if tags == ["plan"]:
        return Plan(tuple(e.text or "" for e in root[0]))
    if tags == ["answer"]:
        return Words(root[0].text or "")
    raise ValueError(f"elements {tags} make no answer")


def _check_xml(root: ElementTree.Element) -> None:
    """Refuses what reading would pass over: elements in the wrong place, and stray text."""
    inside = {"trace": {"point"}, "plan": {"step"}}
    for element in root.iter():
        if element is not root and not {e.tag for e in element} <= inside.get(element.tag, set()):
            raise ValueError(f"<{element.tag}> has elements in it that do not belong there")
        stray = (element.tail, None if element.tag in ("step", "answer") else element.text)
        if any(text and not text.isspace() for text in stray):
            raise ValueError(f"there is text in or behind <{element.tag}>")


def _xml_box(element: ElementTree.Element, label: str) -> Box:
    left, top, right, bottom = (_number(element.attrib[n]) for n in _EDGES)
    return Box(label, left, top, right, bottom)


def _xml_pixel(element: ElementTree.Element) -> tuple[int, int]:
    return _number(element.attrib["x"]), _number(element.attrib["y"])


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def _plain(answer: Answer) -> str:
    if isinstance(answer, Boxes):
        return "; ".join(f"{b.label} {list(b.edges)}" for b in answer.boxes)
    if isinstance(answer, PickPlace):
        return f"pick at {list(answer.pick.edges)}, place at {list(answer.place.edges)}"
    if isinstance(answer, Points):
        return "; ".join(f"{p.label} ({p.x}, {p.y})" for p in answer.points)
    if isinstance(answer, Trace):
        return " -> ".join(f"({x}, {y})" for x, y in answer.points)
    if isinstance(answer, Plan):
        return "\n".join(f"{i}. {step}" for i, step in enumerate(answer.steps, 1))
    return answer.text


def _read_plain(text: str) -> Answer:
    both = _PICK_PLACE.fullmatch(text)
    if both:
        numbers = [int(n) for n in both.groups()]
        return PickPlace(_box("pick", numbers[:4]), _box("place", numbers[4:]))
    steps = [_STEP.fullmatch(line) for line in text.split("\n")]
    if all(steps):
        return Plan(tuple(m[1] for m in steps if m))
    stops = [_WAYPOINT.fullmatch(part) for part in text.split(" -> ")]
    if all(stops):
        return Trace(tuple((int(m[1]), int(m[2])) for m in stops if m))
    parts = text.split("; ")
    boxes = [_BOX.fullmatch(part) for part in parts]
    if all(boxes):
        return Boxes(tuple(_box(m[1], [int(n) for n in m.groups()[1:]]) for m in boxes if m))
    points = [_POINT.fullmatch(part) for part in parts]
    if all(points):
        return Points(tuple(Point(m[1], int(m[2]), int(m[3])) for m in points if m))
    return Words(text)
