"""The one spectrogram that gate, speech and scene models share, on the device and in training.

A 512-point STFT of 16 kHz sound (window 400, hop 160) gives power in 257 bins of 31.25 Hz, 100 frames a second. Each
model lays its own mel bands over the same power:

- `whisper_mel`: 80 Slaney bands up to 8 kHz, log10 (Radford et al. 2022, arXiv 2212.04356), for speech;
- `kaldi_mel`: 128 bands in Kaldi's definition over 0 to 15 kHz at 32 kHz, the columns below 8 kHz, natural log, with
  the tagger's pre-emphasis as a weight on each bin (Schmid et al. 2023, arXiv 2211.04772), for scenes.
"""

from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.sound import RATE, Samples

FFT: Final = 512
WINDOW: Final = 400
HOP: Final = 160
BINS: Final = FFT // 2 + 1
FRAMES_PER_SECOND: Final = RATE // HOP

Power = NDArray[np.float32]
LogMel = NDArray[np.float32]

_OFFSET: Final = (FFT - WINDOW) // 2
_AT_ONCE: Final = 64
_FAST, _SLOW = 16, 32
"""The factors of 512 by which the transform is taken apart."""
_ROWS: Final = _SLOW - 2 * (_OFFSET // _FAST)
"""How many of the 32 rows of 16 samples the window leaves: the others are zeros."""
_HEARD: Final = _ROWS * _FAST
_BEGINS: Final = _OFFSET // _FAST * _FAST
"""The samples of a frame in these rows, and the first of them."""


@cache
def _window() -> NDArray[np.float32]:
    window = np.zeros(_HEARD, np.float32)
    window[_OFFSET - _BEGINS :][:WINDOW] = np.hanning(WINDOW)
    return window


@cache
def _fourier() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Give the matrices of `_power`, those of both steps, and where each of the 257 bins stands in what they make."""
    k = np.arange(_SLOW // 2 + 1)  # the frames are real: the other half is its mirror
    slow = np.exp(-2j * np.pi * np.outer(k, _BEGINS // _FAST + np.arange(_ROWS)) / _SLOW)
    fast = np.arange(_FAST)
    bins = k[:, None] + _SLOW * fast
    turned = np.exp(-2j * np.pi * fast[None, :, None] * bins[:, None, :] / FFT)
    place = np.empty(FFT + 1, np.intp)
    place[bins], place[FFT - bins] = (np.arange(bins.size).reshape(bins.shape),) * 2
    return (
        np.stack((slow.real, slow.imag), axis=1).reshape(-1, _ROWS).astype(np.float32),
        np.block([[turned.real, turned.imag], [-turned.imag, turned.real]]).astype(np.float32),
        place[:BINS],
    )


def _power(frames: NDArray[np.float32], out: Power) -> None:
    """Put |DFT|² of float32 [n, 416], the middle of frames whose rest is zeros, into `out`, float32 [n, 257].

    The transform in two steps of 32 and 16 points (Cooley and Tukey 1965), each a product of matrices in single
    precision: with a BLAS that uses the processor's vectors that takes little more than half the time of NumPy's FFT.
    The turn between the steps is in the second's matrices, one for each of 17 rows.
    """
    slow, fast, place = _fourier()
    n = len(frames)
    rows = np.matmul(slow, frames.reshape(n, _ROWS, _FAST)).reshape(n, -1, 2 * _FAST).transpose(1, 0, 2)
    parts = np.empty((n, len(rows), 2 * _FAST), np.float32)
    np.matmul(rows, fast, out=parts.transpose(1, 0, 2))  # in this order, or it would have to be copied into it
    parts *= parts
    power = parts[:, :, :_FAST] + parts[:, :, _FAST:]
    power.reshape(n, -1).take(place, axis=1, out=out, mode="clip")  # "raise" would copy once more


def power_frames(samples: Samples) -> Power:
    """Give |STFT|² of whole frames: float32 [n], n >= 512, to float32 [1 + (n - 512) // 160, 257].

    Frame t covers samples 160 t to 160 t + 511 (its window of 400 stands in the middle), so that a stream can be cut
    anywhere: keep the samples from the first frame that is not complete and go on.
    """
    if len(samples) < FFT:
        return np.zeros((0, BINS), np.float32)
    samples = np.ascontiguousarray(samples)
    size = samples.itemsize
    # The overlapping frames as a view; `sliding_window_view` gives the same in ten times the time.
    shape = (1 + (len(samples) - FFT) // HOP, _HEARD)
    frames: Samples = np.ndarray(shape, samples.dtype, samples, _BEGINS * size, (HOP * size, size))
    power = np.empty((len(frames), BINS), np.float32)
    for begin in range(0, len(frames), _AT_ONCE):  # what lies between is four times the result
        _power(frames[begin : begin + _AT_ONCE] * _window(), power[begin : begin + _AT_ONCE])
    return power


def centred_power(samples: Samples) -> Power:
    """Give |STFT|² of a whole segment, frame t centred on sample 160 t: float32 [n] to float32 [1 + n // 160, 257].

    The edges are padded by reflection, by zeros where the segment is shorter than that.
    """
    half = FFT // 2
    mode = "reflect" if len(samples) > half else "constant"
    return power_frames(np.pad(samples, half, mode=mode))  # type: ignore[call-overload]


def _slaney_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mel * (200.0 / 3)
    logarithmic = 1000.0 * np.exp((mel - 15.0) * (np.log(6.4) / 27.0))
    return np.where(mel < 15.0, linear, logarithmic)


def _slaney_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + float(np.log(hz / 1000)) * 27 / float(np.log(6.4))


@cache
def slaney_bands(bands: int, low_hz: float = 0.0, high_hz: float = RATE / 2) -> NDArray[np.float32]:
    """Triangles on the Slaney mel scale, each of unit area: float32 [257, bands] (Slaney 1998, Auditory Toolbox)."""
    edges = _slaney_hz(np.linspace(_slaney_mel(low_hz), _slaney_mel(high_hz), bands + 2))
    hz = np.arange(BINS)[:, None] * (RATE / FFT)
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))
    bands_of_bins: NDArray[np.float32] = weights.astype(np.float32)
    return bands_of_bins


@cache
def kaldi_bands(bands: int = 128, high_hz: float = 15_000.0) -> NDArray[np.float32]:
    """Triangles in Kaldi's definition (mel = 1127 ln(1 + f/700)), the bins below 8 kHz: float32 [257, bands].

    Each bin is weighted by 4 |exp(iw) - 0.97|² with w the angle of that bin at 32 kHz: the tagger's pre-emphasis and
    the window that is twice as long at its rate.
    """
    mel_hz = 1127.0 * np.log1p(np.arange(BINS) * (RATE / FFT) / 700.0)[:, None]
    top = 1127.0 * np.log1p(high_hz / 700.0)
    edges = np.linspace(0.0, top, bands + 2)
    rising = (mel_hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel_hz) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    angle = 2 * np.pi * np.arange(BINS) / 1024
    emphasis = 4 * np.abs(np.exp(1j * angle) - 0.97) ** 2
    bands_of_bins: NDArray[np.float32] = (weights * emphasis[:, None]).astype(np.float32)
    return bands_of_bins


_Block = tuple[slice, slice, NDArray[np.float32]]


def _blocks(bands: NDArray[np.float32], count: int) -> tuple[_Block, ...]:
    """Cut weights [257, bands], nearly all of which are zero, into blocks of bands: their bins, they, their weights."""
    found = []
    heard = int(np.flatnonzero(bands.any(axis=0))[-1]) + 1
    edges = [round(heard * n / count) for n in range(count + 1)]
    for begin, end in pairwise(edges):
        bins = np.flatnonzero(bands[:, begin:end].any(axis=1))
        these = slice(bins[0], bins[-1] + 1)
        found.append((these, slice(begin, end), np.ascontiguousarray(bands[these, begin:end])))
    return tuple(found)


@cache
def _whisper_blocks() -> tuple[_Block, ...]:
    return _blocks(slaney_bands(80), 6)


@cache
def _kaldi_blocks() -> tuple[_Block, ...]:
    return _blocks(kaldi_bands(), 8)


def _sums(power: Power, blocks: tuple[_Block, ...], bands: int) -> NDArray[np.float32]:
    """Give `power` times the weights that the blocks were cut from, in a third of the time: [t, 257] to [t, bands]."""
    sums = np.zeros((len(power), bands), np.float32)
    for bins, these, weights in blocks:
        np.matmul(power[:, bins], weights, out=sums[:, these])
    return sums


def whisper_mel(power: Power) -> LogMel:
    """Log-mel for the speech model: power [t, 257] to float32 [t, 80], floored at its maximum less 8 decades.

    Scaled as Whisper's: (log10(mel) + 4) / 4. The level is taken out: the maximum is moved to 2, where it stands when
    the waveform is scaled to unit variance as Whisper-sized encoders expect it (1.96 to 2.03 on speech of 3 s), since
    a scaled waveform is an added constant here.
    """
    mel = np.log10(np.maximum(_sums(power, _whisper_blocks(), 80), 1e-20))  # far below any sound: the floor is relative
    top = mel.max() if mel.size else 0.0
    scaled: LogMel = ((np.maximum(mel, top - 8.0) - top) / 4.0 + 2.0).astype(np.float32)
    return scaled


def kaldi_mel(power: Power) -> LogMel:
    """Log-mel for the scene model: power [t, 257] to float32 [t, 128], scaled as (ln(mel + 1e-5) + 4.5) / 5."""
    mel: LogMel = _sums(power, _kaldi_blocks(), 128)
    mel += np.float32(1e-5)
    np.log(mel, out=mel)
    mel += np.float32(4.5)
    mel /= np.float32(5.0)
    return mel
