"""The recipes of ``pick_place_200``: 200 tasks of every goal form."""

from __future__ import annotations

from typing import Any, Final

from datafactory_pick_place.suite.recipe import Part, Recipe

SMALL = (
    "apple", "orange", "lemon", "ball", "block", "soap", "sponge", "can", "tin", "jar", "pear",
    "tomato", "onion", "mushroom", "egg", "potato", "butter", "cream_jar", "spice_jar",
    "salt_shaker", "glue_stick", "battery", "puzzle_cube", "dice", "toy_car", "rubber_duck",
    "tape_measure", "juice_box", "milk_carton", "honey_jar", "yoghurt_pot", "light_bulb", "charger",
    "earbud_case", "toilet_roll", "bell_pepper", "torch", "food_container", "cheese_wedge",
    "toy_boat", "marker", "stapler", "computer_mouse", "banana", "carrot", "corn", "egg_cup",
)  # fmt: skip
STANDING = (
    "can", "bottle", "carton", "block", "jar", "tin", "soap", "sponge", "milk_carton", "juice_box",
    "spice_jar", "puzzle_cube", "butter", "cream_jar", "battery", "glue_stick", "honey_jar",
    "yoghurt_pot", "shampoo_bottle", "salt_shaker", "food_container", "toilet_roll", "torch",
    "tape_measure", "pepper_mill", "squeeze_bottle", "cup", "pen_holder",
)  # fmt: skip
AROUND = (
    "can", "bottle", "carton", "block", "jar", "tin", "soap", "sponge", "milk_carton", "spice_jar",
    "puzzle_cube", "battery", "glue_stick", "honey_jar", "yoghurt_pot", "salt_shaker", "cup",
    "rubber_duck", "toy_car", "tape_measure", "torch", "canister", "mug", "teacup", "stapler",
    "hole_punch", "camera", "stacking_ring", "tape_roll", "remote_control", "pepper_mill",
)  # fmt: skip
DEEP = ("basket", "open_box", "bowl", "pot")
WIDE = ("basket", "open_box")
FLAT = ("plate", "tray", "baking_tray", "cutting_board")
SHADES = ("red", "blue", "green", "yellow", "white", "purple")
LOW = {"min_width_m": 0.045, "max_height_m": 0.06}
B: Final = "other"
SIDES = {"left": "left of", "right": "right of", "front": "in front of", "behind": "behind",
         "near": "next to"}  # fmt: skip


def _put(relation: str, **more: Any) -> dict[str, Any]:
    return {"form": "put", "relation": relation, "subject": "a", "object": "b", **more}


PUT = (
    Recipe("put_in", 16, "Put an object into a container.", _put("in"),
           {"a": Part(SMALL, kinds=3), "b": Part(DEEP, B)}),
    Recipe("put_in_cookware", 4, "Put an object into a pan, a casserole or a colander.", _put("in"),
           {"a": Part(SMALL, kinds=3), "b": Part(("pan", "casserole", "colander"), B, kinds=1)}),
    Recipe("put_on", 12, "Put an object on something flat.", _put("on"),
           {"a": Part(STANDING, kinds=3), "b": Part(FLAT, B)}),
    *(
        Recipe(f"put_{name}", 4, f"Put an object {words} another one.",
               _put(name, **({} if name == "near" else {"frame": "robot"})),
               {"a": Part(STANDING), "b": Part(STANDING, B)})
        for name, words in SIDES.items()
    ),
    Recipe("put_between", 6, "Put an object between two others.",
           {"form": "put", "relation": "between", "subject": "a", "objects": ["b", "c"]},
           {"a": Part(STANDING), "b": Part(STANDING, B), "c": Part(STANDING, B)}),
    Recipe("clutter_in", 5, "Put an object into a container among six to ten others.", _put("in"),
           {"a": Part(SMALL, kinds=3), "b": Part(DEEP, B)}, distractors=(6, 10)),
    Recipe("clutter_on", 4, "Put an object on a plate among six to ten others.", _put("on"),
           {"a": Part(STANDING, kinds=3), "b": Part(("plate", "tray"), B)}, distractors=(6, 10)),
    Recipe("furniture_in", 6, "Put an object into a container at a piece of furniture.",
           _put("in"), {"a": Part(SMALL, kinds=3), "b": Part(("bowl", *WIDE), B)}, table={}),
    Recipe("furniture_on", 5, "Put an object on a plate at a piece of furniture.", _put("on"),
           {"a": Part(STANDING, kinds=3), "b": Part(("plate", "tray"), B)}, table={}),
)  # fmt: skip
STACKS = (
    Recipe("stack_two", 6, "Stack one object on another.",
           {"form": "stack", "objects": ["a", "b"]},
           {"a": Part(("block", "tin", "soap", "butter", "puzzle_cube")),
            "b": Part(("block", "tin", "butter", "puzzle_cube"), B,
                      where={"min_width_m": 0.045, "max_height_m": 0.09})}),
    Recipe("stack_three", 6, "Build a tower of three.", {"form": "stack", "objects": ["parts"]},
           {"parts": Part(("block", "tin", "soap", "puzzle_cube"), count=(3, 3), where={
               "min_width_m": 0.045, "max_height_m": 0.09})}),
    Recipe("stack_four", 4, "Build a tower of four.", {"form": "stack", "objects": ["parts"]},
           {"parts": Part(("block", "soap"), count=(4, 4),
                          where={"min_width_m": 0.045, "max_height_m": 0.058})}),
    Recipe("nest", 5, "Put a smaller container into a larger one.",
           {"form": "nest", "objects": ["outer", "inner"]},
           {"outer": Part(("bowl",), B, where={"min_width_m": 0.145}),
            "inner": Part(("bowl", "cup"), where={"max_width_m": 0.13})}),
)  # fmt: skip
SORTS = (
    Recipe("sort_colour_on", 5, "Put two objects on the plates of their colours.",
           {"form": "sort", "objects": "items", "into": "places", "by": "colour",
            "relation": "on"},
           {"items": Part(("block", "can", "tin"), count=(2, 2), kinds=3, listed=False),
            "places": Part(("plate",), B, (2, 2), where={"colour": SHADES}, listed=False)},
           distractors=(0, 2), reach_rad=1.1),
    Recipe("sort_colour_in", 5, "Put objects into the boxes of their colours.",
           {"form": "sort", "objects": "items", "into": "places", "by": "colour"},
           {"items": Part(("block", "can", "tin", "ball"), count=(2, 3), kinds=4, listed=False),
            "places": Part(("open_box",), B, (2, 2), where={"colour": SHADES}, listed=False)},
           distractors=(0, 2), reach_rad=1.1),
    Recipe("sort_material", 3, "Put blocks into the boxes of their material.",
           {"form": "sort", "objects": "items", "into": "places", "by": "material"},
           {"items": Part(("block", "dice"), count=(2, 3), listed=False),
            "places": Part(("open_box",), B, (2, 2), where={"material": ("plastic", "wood")},
                           listed=False)}, distractors=(0, 2), reach_rad=1.1),
    Recipe("group", 5, "Fruit goes into one container, packages into the other.",
           {"form": "group", "groups": {"fruit": "bin", "packs": "box"}},
           {"fruit": Part(("apple", "orange", "lemon", "pear", "tomato"), count=(1, 2)),
            "packs": Part(("can", "tin", "jar"), count=(1, 1)),
            "bin": Part(("open_box",), B, where={"max_height_m": 0.115}),
            "box": Part(("open_box",), B, where={"max_height_m": 0.115})}, distractors=(0, 2),
           reach_rad=1.1),
    Recipe("clear", 8, "Put everything loose into a container.",
           {"form": "clear", "objects": ["loose"], "into": "into"},
           {"loose": Part(("can", "block", "tin", "soap", "apple", "orange", "lemon", "jar",
                           "sponge", "pear", "spice_jar", "puzzle_cube"), count=(2, 4), kinds=4),
            "into": Part(WIDE, B)}, distractors=(0, 0)),
    Recipe("all_of_a_kind", 4, "Put all of one kind into a container.",
           {"form": "put", "relation": "in", "subject": "them", "object": "into"},
           {"them": Part(("can", "block", "tin", "apple", "soap"), count=(2, 3), kinds=1),
            "into": Part(WIDE, B)}),
    Recipe("some_of_a_kind", 3, "Put two of one kind into a container.",
           {"form": "put", "relation": "in", "subject": "them", "object": "into", "count": 2},
           {"them": Part(("block", "can", "tin"), count=(3, 3), kinds=1), "into": Part(WIDE, B)}),
    Recipe("line", 6, "Arrange three or four objects in a straight row.",
           {"form": "line", "objects": ["row"]},
           {"row": Part(("can", "tin", "jar", "block", "spice_jar", "puzzle_cube"),
                        count=(3, 4), kinds=3)}),
    Recipe("swap", 6, "Two objects exchange their places.",
           {"form": "swap", "objects": ["a", "b"]},
           {"a": Part(("can", "tin", "jar", "block", "bottle", "spice_jar")),
            "b": Part(("can", "tin", "jar", "block", "puzzle_cube"), B)}, distractors=(0, 2),
           reach_rad=0.8),
)  # fmt: skip
HOLDERS = (
    Recipe("insert_marker", 3, "Stand a marker in a pen holder.",
           {"form": "insert", "objects": ["a"], "into": "b"},
           {"a": Part(("marker",)), "b": Part(("pen_holder",), B)}),
    Recipe("insert_in_cup", 3, "Stand a toothbrush or screwdriver in a cup.",
           {"form": "insert", "objects": ["a"], "into": "b"},
           {"a": Part(("toothbrush", "screwdriver")), "b": Part(("cup",), B)}),
    Recipe("insert_in_crock", 4, "Stand kitchen tools in a crock.",
           {"form": "insert", "objects": ["a"], "into": "b"},
           {"a": Part(("wooden_spoon", "spatula", "fork", "spoon")),
            "b": Part(("utensil_crock",), B)}),
    Recipe("load_rack", 5, "Stand bottles in the cells of a crate.",
           {"form": "insert", "objects": ["bottles"], "into": "crate"},
           {"bottles": Part(("bottle",), count=(1, 2)), "crate": Part(("bottle_crate",), B)}),
    Recipe("unload_rack", 4, "Take bottles out of a crate.",
           {"form": "unload", "objects": ["bottles"], "source": "crate", "start": "upright_in"},
           {"bottles": Part(("bottle",), "carried", (1, 2)), "crate": Part(("bottle_crate",))}),
    Recipe("unload_tray", 4, "Take objects off a tray.",
           {"form": "unload", "objects": ["items"], "source": "tray", "start": "on"},
           {"items": Part(("can", "tin", "jar", "block", "spice_jar", "bottle"), "carried",
                          (1, 2)), "tray": Part(("tray",))}),
    Recipe("transfer", 4, "Move objects from a tray into a container.",
           {"form": "unload", "objects": ["items"], "source": "tray", "to": "into",
            "start": "on", "relation": "in"},
           {"items": Part(("can", "tin", "jar", "block", "apple", "spice_jar"), "carried",
                          (1, 2)), "tray": Part(("tray",)), "into": Part(WIDE, B)}),
)  # fmt: skip
_LOOKS = ("can", "block", "jar", "tin", "spice_jar")
FOLLOW = tuple(
    Recipe(f"follow_{kind}", tasks, f"Find an object among lookalikes by its {words}.", _put(rel),
           {"a": Part(families, kinds=1 if kind == "size" else 2), "b": Part(target, B)},
           refer={"a": (kind,)}, lookalikes=(look,), distractors=(0, 2))
    for kind, tasks, words, rel, families, target, look in (
        ("ordinal", 4, "place in an order", "on", _LOOKS, ("plate", "tray"),
         {"of": "a", "count": [1, 2]}),
        ("relation", 4, "neighbours", "in", _LOOKS, ("bowl", *WIDE), {"of": "a"}),
        ("size", 3, "size", "on", ("block",), ("plate", "tray"), {"of": "a", "size": "smaller"}),
        ("attribute", 4, "properties", "in", ("can", "block", "jar", "ball"), ("bowl", *WIDE),
         {"of": "a", "count": [1, 2], "share": ["category"]}),
    )
)  # fmt: skip
_BOX, _PLATE = Part(WIDE, B), Part(("plate",), B)
_FRUIT, _CAN, _JAR = Part(("apple", "orange", "lemon")), Part(("can",)), Part(("jar", "tin"))
_PAIR = Part(("block", "soap"), count=(2, 2), where=LOW)
LONG = (
    Recipe("long_three", 5, "Three stages: put away, set down, put beside.",
           {"form": "sequence", "steps": [
               {"form": "put", "relation": "in", "subject": "fruit", "object": "box"},
               {"form": "put", "relation": "on", "subject": "can", "object": "plate"},
               {"form": "put", "relation": "near", "subject": "jar", "object": "plate"}]},
           {"box": _BOX, "plate": _PLATE, "fruit": _FRUIT, "can": _CAN, "jar": _JAR},
           distractors=(0, 1), reach_rad=1.1),
    Recipe("long_stack", 5, "Three stages: stack, put away, put beside.",
           {"form": "sequence", "steps": [
               {"form": "stack", "objects": ["pair"]},
               {"form": "put", "relation": "in", "subject": "can", "object": "box"},
               {"form": "put", "relation": "near", "subject": "jar", "object": "box"}]},
           {"box": _BOX, "pair": _PAIR, "can": _CAN, "jar": _JAR}, distractors=(0, 1),
           reach_rad=1.1),
    Recipe("long_five", 4, "Five stages, the last of which moves on what the first one placed.",
           {"form": "sequence", "steps": [
               {"form": "put", "relation": "on", "subject": "fruit", "object": "plate"},
               {"form": "stack", "objects": ["pair"]},
               {"form": "put", "relation": "in", "subject": "can", "object": "box"},
               {"form": "put", "relation": "near", "subject": "jar", "object": "plate"},
               {"form": "put", "relation": "in", "subject": "fruit", "object": "box"}]},
           {"box": Part(("open_box",), B), "plate": _PLATE, "fruit": _FRUIT, "can": _CAN,
            "jar": _JAR, "pair": _PAIR}, distractors=(0, 0), reach_rad=1.1),
)  # fmt: skip
RECIPES: tuple[Recipe, ...] = (*PUT, *STACKS, *SORTS, *HOLDERS, *FOLLOW, *LONG)
