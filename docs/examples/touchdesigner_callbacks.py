"""ArtFlow Live in TouchDesigner: the Callbacks DAT of an OSC In DAT, and words to play with.

Beside this Text DAT (call it `artflow`) stand, in the same component:

- `oscin`, an OSC In DAT: Network Port 9001, Callbacks DAT artflow;
- `oscout`, an OSC Out DAT: Network Address 127.0.0.1, Network Port 9000;
- `values`, an empty Table DAT: it holds every control by name, `op('values')['paint/strength', 1]`;
- `problems`, an empty Table DAT: the newest things that were refused;
- an Execute DAT with Start and Frame Start on, both of which call
  `op('artflow').module.stay_subscribed(absTime.seconds)`.

Then anything can play: `op('artflow').module.play('prompt/a', 'a lighthouse in fog')`.
"""

HEARS_ON = 9001
SUBSCRIBE_EVERY_S = 10  # a subscription lasts 30
KEPT_PROBLEMS = 20

subscribed_at = None


def play(name, *values):
    """Set the control `name`, or fire the trigger."""
    op("oscout").sendOSC("/artflow/" + name, list(values))


def play_together(changes):
    """Set several, {name: value}, in the same frame of the show."""
    flat = []
    for name, value in changes.items():
        flat += ["/artflow/" + name, [value]]
    op("oscout").sendOSC(*flat, asBundle=True)


def stay_subscribed(now_s):
    """Ask for what changes, again and again; call it every frame."""
    global subscribed_at
    if subscribed_at is None or not 0 <= now_s - subscribed_at < SUBSCRIBE_EVERY_S:
        subscribed_at = now_s
        play("subscribe", HEARS_ON)


def onReceiveOSC(dat, rowIndex, message, byteData, timeStamp, address, args, peer):
    """TouchDesigner calls this for each message that comes to `oscin`."""
    name = address.replace("/artflow/", "", 1)
    if name == "error":
        problems = op("problems")
        problems.appendRow(list(args))
        while problems.numRows > KEPT_PROBLEMS:
            problems.deleteRow(0)
        return
    values = op("values")
    row = [name, *args]
    if values.row(name) is None:
        values.appendRow(row)
    else:
        values.replaceRow(name, row)
