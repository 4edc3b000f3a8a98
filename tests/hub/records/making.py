"""Recordings in the formats that phones make."""

import io

import av
import numpy as np

FORMATS = {
    "wav": ("wav", "pcm_s16le", "audio/wav"),
    "m4a": ("mp4", "aac", "audio/mp4"),
    "webm": ("webm", "libopus", "audio/webm;codecs=opus"),
    "mp3": ("mp3", "libmp3lame", "audio/mpeg"),
    "flac": ("flac", "flac", "audio/flac"),
    "ogg": ("ogg", "libopus", "audio/ogg"),
}
"""Name to container, codec and the media type that a browser tells."""


def noise(seconds: float, rate: int = 48_000, channels: int = 2, seed: int = 1) -> np.ndarray:
    """Give int16 [channels, n]: rain, as far as a reader is concerned."""
    made = np.random.default_rng(seed).normal(0, 2000, (channels, int(seconds * rate)))
    return np.clip(made, -32_768, 32_767).astype(np.int16)


class Live(io.BytesIO):
    """Takes a recording as a browser makes it: what stands at its beginning cannot be mended at its end."""

    def seekable(self) -> bool:
        return False


def recording(
    form: str = "wav",
    seconds: float = 12.0,
    rate: int = 48_000,
    samples: np.ndarray | None = None,
    *,
    out: io.BytesIO | None = None,
    options: dict[str, str] | None = None,
    **tags: str,
) -> bytes:
    """Encode a recording with these tags, into `out` where one is given; `options` are the codec's."""
    container, codec, _ = FORMATS[form]
    samples = noise(seconds, rate) if samples is None else samples
    out = out or io.BytesIO()
    with av.open(out, "w", format=container) as file:
        file.metadata.update(tags)
        stream = file.add_stream(codec, rate=rate, options=options)
        layout = "stereo" if len(samples) == 2 else "mono"
        stream.layout = layout
        for at in range(0, samples.shape[1], rate):
            packed = np.ascontiguousarray(samples[:, at : at + rate].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate, at
            for packet in stream.encode(frame):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return out.getvalue()
