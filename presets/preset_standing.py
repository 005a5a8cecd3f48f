"""Standing: publishes what has become of each preset, on the way to where the facts lead."""

from __future__ import annotations

from typing import cast

from engine.controls import Controls
from presets.disk_jobs import DiskJobs
from presets.preset_coming import Books
from presets.preset_controls import control
from presets.preset_desk import Desk
from presets.preset_roster import Roster
from presets.preset_states import LEGAL, Facts, State, next_state


class Standing:
    """Tells `preset/<id>/state`, one legal step after the other."""

    def __init__(
        self, controls: Controls, roster: Roster, desk: Desk, books: Books, disk: DiskJobs
    ) -> None:
        self._controls, self._roster, self._desk = controls, roster, desk
        self._books, self._disk = books, disk

    def settle(self, *ids: str) -> None:
        """Publish every state on the way to where the facts lead."""
        for id in ids:
            name = control(id, "state")
            while True:
                before = cast(State, self._controls.get(name))
                state = next_state(self._facts(id, before))
                if state == before:
                    break
                if state == "loading" and state not in LEGAL[before]:
                    # it plays from memory: how its download ended is told first
                    ended: State = self._books.ended.get(id) or "installed"
                    state = "installed" if before == ended else ended
                self._controls.publish(name, state)
                if state == "failed" and (trouble := self._roster.trouble(id)):
                    self._controls.publish(control(id, "error"), trouble)
                elif state == "active":
                    self._disk.used(id)
        self._desk.tell_current()

    def _facts(self, id: str, before: State) -> Facts:
        fetch, target, live = (
            self._books.fetches.get(id),
            self._desk.target(id),
            self._desk.live(id),
        )
        return Facts(
            before=before,
            fetching=fetch.state if fetch else None,
            ended="failed" if self._roster.trouble(id) else self._books.ended.get(id),
            here=self._roster.on_disk(id),
            asked=id in self._books.wants or bool(target),
            heard=bool(live),
            staged=id in self._desk.staged,
            arrived=live == target and id not in self._books.wants,
        )
