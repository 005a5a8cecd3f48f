"""What is heard in a sound: how loud it is, in three bands too, and when something strikes.

Pure arithmetic: blocks of samples go in, values of 0..1 come out, the same for any cut into blocks.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""One channel, -1..1, shape (n,), float32."""

WINDOW_S: Final = 0.0213
"""1024 samples at 48 kHz: fine enough for three bands, short enough to feel at once."""

BANDS_HZ: Final = ((20.0, 250.0), (250.0, 4000.0), (4000.0, 16000.0))

ATTACK_S: Final = 0.01
RELEASE_S: Final = 0.2
"""How fast values follow, as time constants: up like a drum, down like a lamp."""

FLOOR: Final = 0.001
"""-60 dB of full scale: what is softer is silence, however long it lasts."""

BAND_FLOOR: Final = 0.03
"""A band never counts as loud below this share of the whole: bass leaks into no cymbal."""

FORGET_S: Final = 10.0
"""The gain's half-life: what was loudest counts half as much so long after."""

COMPRESSION: Final = 100.0
"""Of the spectrum before its flux, as a factor in the logarithm: soft strikes count, too."""

FLUX_BANDS: Final = 24
FLUX_LEAST: Final = 0.2
FLUX_TIMES: Final = 3.5
FLUX_OVER_S: Final = 0.5
"""A strike is a flux of at least this, and so many times the median of the last half second."""

APART_S: Final = 0.08
"""Two strikes are at least so far apart."""

STRIKE_S: Final = 0.25
"""How long a strike takes from 1 down to 0."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the newest samples say, each 0..1. `low`, `mid` and `high` are the bands."""

    level: float = 0.0
    low: float = 0.0
    mid: float = 0.0
    high: float = 0.0
    onset: float = 0.0


class Hearing:
    """Follows one channel at `rate` samples a second. Use it from one thread.

    Loudness is told as a share of what was loudest lately, each band of its own, so that a soft
    room and a loud stage play alike. Strikes are found by spectral flux: how much louder the
    compressed spectrum has become since half a window ago (Bello et al., "A Tutorial on Onset
    Detection in Music Signals", 2005; the logarithm and the median as in Böck et al., "Evaluating
    the Online Capabilities of Onset Detection Methods", 2012).
    """

    def __init__(self, rate: float) -> None:
        size = 2 ** max(5, round(math.log2(rate * WINDOW_S)))
        self._hop = size // 2
        self._hop_s = self._hop / rate
        self._window = np.hanning(size + 1)[:-1].astype(np.float32)
        self._last = np.zeros(size, np.float32)
        self._waiting = np.zeros(0, np.float32)
        frequencies = np.fft.rfftfreq(size, 1 / rate)
        self._bands = [(frequencies >= low) & (frequencies < high) for low, high in BANDS_HZ]
        self._scale = math.sqrt(2.0) / float(np.sqrt(size * np.sum(self._window**2)))
        self._loudest = np.full(4, FLOOR)
        self._values = np.zeros(4)
        # bands of equal ratio, as ears have them, none narrower than a bin
        ratios = np.geomspace(40.0, min(16000.0, rate / 2), FLUX_BANDS + 1)
        self._edges = np.unique(np.searchsorted(frequencies, ratios))
        self._spectrum = np.zeros(len(self._edges) - 1)
        self._fluxes: deque[float] = deque(maxlen=max(4, round(FLUX_OVER_S / self._hop_s)))
        self._since_s = math.inf
        self.heard = Heard()
        """The newest."""

    def feed(self, samples: Samples) -> Heard:
        """Hear more samples; what they say. What is no number is silence."""
        clean = np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -4.0, 4.0)
        waiting = np.concatenate([self._waiting, clean.astype(np.float32)])
        whole = len(waiting) // self._hop * self._hop
        for start in range(0, whole, self._hop):
            self._hear(waiting[start : start + self._hop])
        self._waiting = waiting[whole:]
        return self.heard

    def _hear(self, hop: Samples) -> None:
        self._last = np.concatenate([self._last[self._hop :], hop])
        magnitudes = np.abs(np.fft.rfft(self._last * self._window)) * self._scale
        whole = float(np.sqrt(np.mean(self._last**2)))
        bands = [float(np.sqrt(np.sum(magnitudes[band] ** 2))) for band in self._bands]
        self._follow(np.array([whole, *bands]))
        struck = self._strikes(magnitudes, whole)
        self._since_s = 0.0 if struck else self._since_s + self._hop_s
        onset = max(0.0, 1.0 - self._since_s / STRIKE_S)
        level, low, mid, high = (min(1.0, max(0.0, float(value))) for value in self._values)
        self.heard = Heard(level, low, mid, high, onset)

    def _follow(self, amplitudes: NDArray[np.float64]) -> None:
        """Loudness as a share of the loudest, up fast and down slowly."""
        faded = self._loudest * 0.5 ** (self._hop_s / FORGET_S)
        self._loudest = np.maximum(np.maximum(amplitudes, faded), FLOOR)
        reference = self._loudest.copy()
        reference[1:] = np.maximum(reference[1:], BAND_FLOOR * self._loudest[0])
        shares = np.where(amplitudes < FLOOR, 0.0, amplitudes / reference)
        constants = np.where(shares > self._values, ATTACK_S, RELEASE_S)
        self._values += (shares - self._values) * (1.0 - np.exp(-self._hop_s / constants))

    def _strikes(self, magnitudes: NDArray[np.float64], whole: float) -> bool:
        bands = np.sqrt(np.add.reduceat(magnitudes**2, self._edges[:-1]))
        # as loud as the gain makes it, both with the gain of now: a soft strike in a soft piece is
        # a strike, and so is the first loud one
        gain = COMPRESSION / self._loudest[0]
        risen = np.log1p(gain * bands) - np.log1p(gain * self._spectrum)
        flux = float(np.mean(np.maximum(0.0, risen)))
        self._spectrum = bands
        usual = float(np.median(self._fluxes)) if self._fluxes else 0.0
        self._fluxes.append(flux)
        ready = self._since_s + self._hop_s >= APART_S
        return ready and whole >= FLOOR and flux > max(FLUX_LEAST, FLUX_TIMES * usual)
