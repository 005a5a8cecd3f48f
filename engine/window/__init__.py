"""The audience's window and the operator's desk; main thread only, the only room with pygame."""

import os

# before pygame is imported; whoever set one of these in the environment meant it
for _hint, _value in {
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    "SDL_NO_SIGNAL_HANDLERS": "1",  # Ctrl-C and SIGTERM are the conductor's
    "SDL_TOUCH_MOUSE_EVENTS": "0",  # a finger is a finger, not also a mouse
    "SDL_MOUSE_TOUCH_EVENTS": "0",
    "SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS": "0",  # the audience's screen stays while the desk is used
    "SDL_VIDEO_ALLOW_SCREENSAVER": "0",
    "SDL_MOUSE_FOCUS_CLICKTHROUGH": "1",
    "SDL_RENDER_SCALE_QUALITY": "linear",
}.items():
    os.environ.setdefault(_hint, _value)

from engine.window.window import Window, WindowOptions  # noqa: E402

__all__ = ["Window", "WindowOptions"]
