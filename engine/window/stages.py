"""What the two windows show: the audience's picture, and the operator's desk."""

from __future__ import annotations

from typing import Final, Protocol

from engine.latest import Frame
from engine.layout import Area, letterboxed, paired, shared, unturned
from engine.overlay import Overlay
from engine.window.panels import unit_for
from engine.window.placing import Placed
from engine.window.screen import Screen
from engine.window.typeface import GREY, Typeface
from engine.window.view import Keys, OverlayView

_DESK_COLOR: Final = (24, 26, 31)


class Stage(Protocol):
    """One window's content."""

    screen: Screen

    def arrange(
        self, overlay: Overlay, now_s: float, *, board: bool, help: bool, menu: bool = False
    ) -> bool:
        """Lay out the overlay's panels; whether anything has to be drawn anew for them."""

    def draw(self, shown: Frame | None, source: Frame | None) -> None:
        """One frame, up to `present`. Raises `pygame.error` when the renderer is lost."""

    def locate(
        self, pointer: int, x: float, y: float, overlay: Overlay, anywhere: bool
    ) -> tuple[float, float] | None:
        """The place 0..1 on the input picture at a pixel; None beside it, unless `anywhere`.

        `anywhere` goes on with the stroke that this pointer began without it.
        """


class _Paneled:
    def __init__(self, screen: Screen, view: OverlayView) -> None:
        self.screen = screen
        self._view = view
        self._panels: tuple[Placed, ...] = ()

    def _overlay_area(self) -> Area:
        return self.screen.pixels

    def arrange(
        self, overlay: Overlay, now_s: float, *, board: bool, help: bool, menu: bool = False
    ) -> bool:
        panels = self._view.placed(
            overlay, self._overlay_area(), now_s, board=board, help=help, menu=menu
        )
        before = [(p.surface, p.left, p.top) for p in self._panels]
        self._panels = panels
        return [(p.surface, p.left, p.top) for p in panels] != before

    def _draw_panels(self) -> None:
        for panel in self._panels:
            self.screen.panel(panel.slot, panel.surface, panel.left, panel.top)


class Audience(_Paneled):
    """The picture, letterboxed on black, and the overlay where there is no desk."""

    def __init__(self, screen: Screen, keys: Keys) -> None:
        super().__init__(screen, OverlayView(keys))
        self._area = Area(0, 0, 0, 0)

    def draw(self, shown: Frame | None, source: Frame | None) -> None:  # noqa: ARG002
        screen = self.screen
        screen.clear()
        if shown is not None:
            height, width, _ = shown.picture.shape
            self._area = letterboxed(screen.pixels, width, height)
            screen.picture("shown", shown.picture, self._area)
        self._draw_panels()
        screen.present()

    def locate(
        self,
        pointer: int,  # noqa: ARG002
        x: float,
        y: float,
        overlay: Overlay,
        anywhere: bool,
    ) -> tuple[float, float] | None:
        if self._area.width == 0 or not (anywhere or self._area.holds(x, y)):
            return None
        return unturned(*self._area.share(x, y), overlay.flip, overlay.rotate)


class Desk(_Paneled):
    """Input and output above the overlay, smaller while the menu is open: nothing is covered.

    A stroke may go over either picture.
    """

    def __init__(self, screen: Screen, keys: Keys) -> None:
        super().__init__(screen, OverlayView(keys, self._beside_pictures))
        self._ratio = 1.0
        self._beside_menu: Area | None = None
        self._source_area = self._shown_area = Area(0, 0, 0, 0)
        self._typeface = Typeface(0)
        self._strokes_on: dict[int, Area | None] = {}

    def arrange(
        self, overlay: Overlay, now_s: float, *, board: bool, help: bool, menu: bool = False
    ) -> bool:
        pixels = self.screen.pixels
        unit = unit_for(pixels.width, pixels.height)
        if unit != self._typeface.unit:
            self._typeface = Typeface(unit)
        before, self._beside_menu = self._beside_menu, None
        changed = super().arrange(overlay, now_s, board=board, help=help, menu=menu)
        return changed or before != self._beside_menu

    def _beside_pictures(self, room: Area) -> Area:
        self._beside_menu, menu = shared(room, self._ratio, self._gap, self._head)
        return menu

    @property
    def _gap(self) -> int:
        return round(self._typeface.unit * 0.7)

    @property
    def _head(self) -> int:
        """Above each picture; the badges find room there."""
        return round(self._typeface.unit * 1.9)

    def draw(self, shown: Frame | None, source: Frame | None) -> None:
        screen = self.screen
        screen.clear(_DESK_COLOR)
        frame = shown or source
        if frame is not None:
            height, width, _ = frame.picture.shape
            self._ratio = width / height
        first, second = paired(self._room(), self._ratio, self._gap, self._head)
        self._source_area = self._titled("input", source, first)
        self._shown_area = self._titled("output", shown, second)
        self._draw_panels()
        screen.present()

    def _room(self) -> Area:
        """Where the pictures are."""
        if self._beside_menu is not None:
            return self._beside_menu
        pixels, gap = self.screen.pixels, self._gap
        board = next((p for p in self._panels if p.slot == "board"), None)
        # between pictures and board, a row for messages
        bottom = board.top - 2 * self._typeface.unit if board else pixels.height - gap
        return Area(gap, gap, max(0, pixels.width - 2 * gap), max(0, bottom - gap))

    def _titled(self, title: str, frame: Frame | None, area: Area) -> Area:
        words = self._typeface.text(title.upper(), 0.7, GREY)
        head = self._head
        words_top = area.top + (head - words.height) // 2
        if frame is None:
            self.screen.panel(title, words, area.left, words_top)
            return Area(area.left, area.top, 0, 0)
        height, width, _ = frame.picture.shape
        room = Area(area.left, area.top + head, area.width, max(0, area.height - head))
        place = letterboxed(room, width, height)
        self.screen.picture(title, frame.picture, place)
        self.screen.panel(title, words, place.left, words_top)
        return place

    def locate(
        self, pointer: int, x: float, y: float, overlay: Overlay, anywhere: bool
    ) -> tuple[float, float] | None:
        if not anywhere:
            both = (self._source_area, self._shown_area)
            self._strokes_on[pointer] = next((area for area in both if area.holds(x, y)), None)
        area = self._strokes_on.get(pointer)
        if area is None:
            return None
        place = area.share(x, y)
        if area == self._shown_area:
            return unturned(*place, overlay.flip, overlay.rotate)
        return place
