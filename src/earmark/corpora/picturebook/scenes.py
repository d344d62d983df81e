"""Random scenes: figures with count, colour and action, in a place, under a sky."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

PLACES = ("beach", "snow", "grass", "street", "water", "mountains")
LAND = frozenset(PLACES) - {"water"}
SKIES = {"clear": 0.4, "sun": 0.2, "rain": 0.2, "night": 0.2}  # and how often each is drawn

FUR = ("brown", "black", "white")
PAINT = ("red", "blue", "green", "yellow", "black", "white")
BRIGHT = ("red", "blue", "yellow", "green")

MOST_FIGURES = 4  # in a scene, for each to be large enough
LAND_ACTIONS = ("running", "jumping", "sleeping", "sitting", "standing")


@dataclass(frozen=True)
class Kind:
    """A kind of thing that can be drawn.

    Attributes
    ----------
    name, plural : str
        What one and what several are called.
    colours : tuple of str
        Those it comes in.
    places : frozenset of str
        Where it can be.
    actions : tuple of str
        What it can do on land; none for things.
    afloat : tuple of str
        What it can do in the water.
    most : int
        How many of it a scene can hold.
    subject : float
        How often a scene is about it, relative to the other kinds.
    """

    name: str
    plural: str
    colours: tuple[str, ...]
    places: frozenset[str] = frozenset(PLACES)
    actions: tuple[str, ...] = ()
    afloat: tuple[str, ...] = ()
    most: int = 1
    subject: float = 1.0


KINDS = {
    kind.name: kind
    for kind in (
        Kind("dog", "dogs", FUR, actions=LAND_ACTIONS, afloat=("swimming",), most=3, subject=4),
        Kind("cat", "cats", FUR, LAND, actions=LAND_ACTIONS, most=3, subject=4),
        Kind("horse", "horses", FUR, LAND, actions=("running", "jumping", "standing"), subject=2),
        Kind(
            "bird",
            "birds",
            ("red", "blue", "yellow", "black", "white"),
            actions=("flying", "flying", "sitting", "standing"),
            afloat=("flying",),
            most=4,
            subject=3.5,
        ),
        Kind("fish", "fish", BRIGHT, frozenset({"water"}), afloat=("swimming",), most=3, subject=4),
        Kind("boy", "boys", PAINT, actions=LAND_ACTIONS, afloat=("swimming",), subject=2.5),
        Kind("girl", "girls", PAINT, actions=LAND_ACTIONS, afloat=("swimming",), subject=2.5),
        Kind("ball", "balls", BRIGHT),
        Kind("car", "cars", PAINT, LAND - {"beach"}, subject=1.5),
        Kind("boat", "boats", PAINT, frozenset({"water", "beach"}), subject=2.5),
        Kind("house", "houses", PAINT, LAND - {"beach"}),
        Kind("tree", "trees", ("green", "green", "green", "yellow"), LAND, most=3, subject=2),
        Kind("balloon", "balloons", BRIGHT, most=4, subject=1.5),
        Kind("flowers", "flowers", ("red", "blue", "yellow", "white"), LAND - {"snow", "street"}, subject=2),
    )
}

ACTIONS = ("running", "jumping", "sleeping", "sitting", "flying", "swimming")
COLOURS = ("red", "blue", "green", "yellow", "black", "white", "brown")
# The things that come alone and in numbers: dog and dogs are two words, and two pictures.
NUMBERED = tuple(kind for kind in KINDS.values() if kind.most > 1 and kind.plural != kind.name)

KEYWORDS = (
    *KINDS,
    *(kind.plural for kind in NUMBERED),
    *PLACES,
    *(sky for sky in SKIES if sky != "clear"),
    *COLOURS,
    *ACTIONS,
)


@dataclass(frozen=True)
class Group:
    """One thing, or several of a kind that look and do alike.

    Attributes
    ----------
    kind : str
        A name in `KINDS`.
    count : int
        How many there are.
    colour : str
        Of the fur, the feathers, the paint or the clothes.
    action : str
        What they are doing; "" for things.
    size : float
        1 is usual.
    """

    kind: str
    count: int
    colour: str
    action: str
    size: float

    @property
    def noun(self) -> str:
        """What they are called."""
        return KINDS[self.kind].name if self.count == 1 else KINDS[self.kind].plural

    @property
    def is_plural(self) -> bool:
        """Whether a verb takes its plural form after them."""
        return self.count > 1 or self.kind == "flowers"

    @property
    def is_airborne(self) -> bool:
        """Whether they are up in the air."""
        return self.action == "flying" or self.kind == "balloon"


@dataclass(frozen=True)
class Scene:
    """What a picture shows; the first group is what it is about."""

    place: str
    sky: str
    groups: tuple[Group, ...]

    def keywords(self) -> frozenset[str]:
        """All keywords that are true of the scene."""
        named = {self.place, self.sky}
        for group in self.groups:
            named |= {group.noun, group.colour, group.action}
        return frozenset(named & set(KEYWORDS))


def sample_scene(rng: Random) -> Scene:
    """Make up a scene: a place, a sky, what it is about, and none to two groups beside that."""
    place = rng.choice(PLACES)
    (sky,) = rng.choices(list(SKIES), list(SKIES.values()))
    here = [kind for kind in KINDS.values() if place in kind.places]
    (subject,) = rng.choices(here, [kind.subject for kind in here])
    groups = [_sample_group(subject, place, rng, MOST_FIGURES)]
    for _ in range(rng.choices((0, 1, 2), (30, 64, 6))[0]):
        beside = [kind for kind in here if all(kind.name != group.kind for group in groups)]
        room = MOST_FIGURES - sum(group.count for group in groups)
        if room > 0:
            groups.append(_sample_group(rng.choice(beside), place, rng, room, beside=True))
    return Scene(place, sky, tuple(groups))


def _sample_group(kind: Kind, place: str, rng: Random, room: int, beside: bool = False) -> Group:
    actions = kind.afloat if place == "water" else kind.actions
    most = min(kind.most, room)
    # What stands beside the subject mostly just stands there, where it can.
    quiet = beside and "standing" in actions and rng.random() < 0.8
    return Group(
        kind=kind.name,
        count=rng.randint(2, most) if most > 1 and rng.random() < 0.45 else 1,
        colour=rng.choice(kind.colours),
        action="standing" if quiet else rng.choice(actions) if actions else "",
        size=rng.choice((0.85, 1.0, 1.0, 1.2)),
    )
