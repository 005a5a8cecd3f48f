from __future__ import annotations

from trio.testing import MockClock

from presets.now_playing import now_playing
from tests.presets.switching import Stage, settled, switching


async def test_what_is_in_the_mix_as_the_painter_has_it(autojump_clock: MockClock) -> None:
    async def playing(stage: Stage) -> tuple[tuple[str, float], ...]:
        await settled()
        return now_playing(stage.controls.committed, [*stage.switcher.roster.ids, "not-yet"])

    async with switching(autojump_clock) as stage:
        assert await playing(stage) == ()
        await stage.play("lcm", "anime", "neon")
        stage.controls.set("preset/neon/weight", -0.75)
        await stage.play("anime")
        assert await playing(stage) == (("Neon", -0.75), ("Anime", 0.5), ("Lcm", 0.5))
        stage.fire("a", "anime")
        stage.fire("b", "neon")
        assert await playing(stage) == (("Anime", 0.5), ("Lcm", 0.5)), "b is not heard"
        stage.controls.set("preset/mix", 0.2)
        await stage.play("anime")
        assert dict(await playing(stage)) == {
            {"anime": "Anime", "neon": "Neon", "lcm": "Lcm"}[id]: weight
            for id, weight in stage.weights().items()
        }
