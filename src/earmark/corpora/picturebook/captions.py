"""Captions of a scene: they name some of its contents, and use some words that name none of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from earmark.corpora.picturebook.scenes import Group, Scene

FEWEST_WORDS, MOST_WORDS = 4, 12
MOVED = 2.5  # how much more often an action is told when it is not mere standing

# {s} the subject, {o} another group, {is}/{o_is} the verb after each, {a}/{o_a} what they do, {p} the place,
# {w} the weather. A pattern is used where the scene has all that it names; the number is how often.
PATTERNS = (
    ("{s} {is} {a} {p}", 6),
    ("{s} {a} {p}", 6),
    ("{s} {is} {a}", 1),
    ("{s} {p}", 2),
    ("{s} {is} {p}", 2),
    ("{s} and {o} {p}", 4),
    ("{s} {a} near {o}", 4),
    ("{s} {is} next to {o}", 1),
    ("{s} {is} {a} beside {o}", 4),
    ("{o} and {s}", 1),
    ("{o} {o_is} behind {s}", 1),
    ("{s} {is} {a} and {o} {o_is} {o_a}", 4),
    ("there {is} {s} {p}", 2),
    ("there {is} {s} and {o}", 2),
    ("I can see {s} {p}", 2),
    ("I can see {s} and {o}", 2),
    ("I see {s} {a} {w}", 5),
    ("a picture of {s} {p}", 2),
    ("a picture of {s} and {o}", 2),
    ("in this picture {s} {is} {a}", 2),
    ("today {s} {is} {a} {p}", 3),
    ("look at {s} {a} {p}", 3),
    ("look, {s} {is} {a} {w}", 5),
    ("here {is} {s} with {o}", 2),
    ("{p} there {is} {s}", 2),
    ("{p}, {s} {is} {a} near {o}", 4),
    ("{w}, {s} {is} {a} {p}", 7),
    ("{w}, there {is} {s} and {o}", 5),
    ("{s} and {o} {w}", 6),
    ("{s} {p} {w}", 7),
    ("{s} {is} {a} {w}", 7),
    ("it looks like {s} {a} {p}", 2),
    ("someone drew {s} and {o} {p}", 2),
    ("what a lovely day for {s}", 1),
    ("my favourite is {s} {p}", 1),
    ("I like how {s} {is} {a}", 1),
    ("nothing here but {s} {p}", 1),
    ("this must be {s} {a} {w}", 4),
    ("we found {s} and {o} {w}", 4),
    ("what a nice picture this is", 0.6),
    ("I really like this one", 0.6),
    ("this one makes me smile today", 0.6),
)

PLACE_PHRASES = {
    "beach": ("on the beach", "at the beach", "on a sandy beach"),
    "snow": ("in the snow", "in deep snow", "on the snow"),
    "grass": ("on the grass", "in soft grass", "in tall grass"),
    "street": ("on the street", "in the street", "by an empty street"),
    "water": ("in the water", "on the water", "out on calm water"),
    "mountains": ("in the mountains", "near the mountains", "below some mountains"),
}
ABOVE = ("over the {}", "above the {}", "high over the {}")  # where what flies or floats in the air is
WEATHER_PHRASES = {
    "sun": ("in the sun", "under the sun", "under a bright sun"),
    "rain": ("in the rain", "out in heavy rain", "in pouring rain"),
    "night": ("at night", "late at night", "during the night"),
}
MOODS = ("happy", "nice", "lovely", "funny", "little", "pretty")
ALIKE = {"dog": "puppy", "cat": "kitten", "boy": "child", "girl": "child"}  # other words for the same
NUMBERS = {2: ("two",), 3: ("three", "three", "some"), 4: ("four", "many", "several")}


@dataclass(frozen=True)
class Caption:
    """A sentence as it is spoken, with commas where the speaker pauses."""

    spoken: str

    @property
    def words(self) -> tuple[str, ...]:
        """Its words alone, in lower case."""
        return tuple(re.findall(r"[a-z]+", self.spoken.lower()))

    @property
    def text(self) -> str:
        """Its transcript: the words in lower case, without punctuation."""
        return " ".join(self.words)


def sample_caption(scene: Scene, rng: Random) -> Caption:
    """Say something of a scene, in 4 to 12 words."""
    while True:
        slots = _slots(scene, rng)
        fitting = {pattern: weight for pattern, weight in PATTERNS if _slot_names(pattern) <= slots.keys()}
        if scene.groups[0].action != "standing":  # what moves is spoken of
            fitting = {p: weight * (MOVED if "a" in _slot_names(p) else 1) for p, weight in fitting.items()}
        (pattern,) = rng.choices(list(fitting), list(fitting.values()))
        caption = Caption(pattern.format(**slots))
        if FEWEST_WORDS <= len(caption.words) <= MOST_WORDS:
            return caption


def _slot_names(pattern: str) -> set[str]:
    """Names of the slots that a pattern has."""
    return set(re.findall(r"{(\w+)}", pattern))


def _slots(scene: Scene, rng: Random) -> dict[str, str]:
    """What can be said of this scene: a phrase for each slot that it can fill."""
    subject, *others = scene.groups
    slots = {
        "s": _phrase(subject, rng),
        "is": _is(subject),
        "p": _where(subject, scene.place, rng),
    }
    if subject.action:
        slots["a"] = subject.action
    if others:
        other = rng.choice(others)
        slots |= {"o": _phrase(other, rng), "o_is": _is(other)}
        if other.action:
            slots["o_a"] = other.action
    if scene.sky in WEATHER_PHRASES:
        slots["w"] = rng.choice(WEATHER_PHRASES[scene.sky])
    return slots


def _is(group: Group) -> str:
    return "are" if group.is_plural else "is"


def _where(group: Group, place: str, rng: Random) -> str:
    if group.is_airborne:
        return rng.choice(ABOVE).format(place)
    return rng.choice(PLACE_PHRASES[place])


def _phrase(group: Group, rng: Random) -> str:
    """A noun phrase: a number or an article, now and then a mood, mostly the colour, and the noun."""
    noun = ALIKE.get(group.noun, group.noun) if rng.random() < 0.05 else group.noun
    clothed = group.kind in ("boy", "girl")
    colour = group.colour if rng.random() < 0.7 else ""
    described = [
        rng.choice(MOODS) if rng.random() < 0.12 else "",
        "" if clothed else colour,
        noun,
    ]
    if clothed and colour:
        described.append(f"in {colour}")
    phrase = " ".join(word for word in described if word)
    if group.count > 1:
        return f"{rng.choice(NUMBERS[group.count])} {phrase}"
    if group.is_plural:
        return f"some {phrase}"
    return f"{'the' if rng.random() < 0.15 else 'a'} {phrase}"
