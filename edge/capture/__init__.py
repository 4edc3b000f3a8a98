"""Sound in: microphone, recordings, raw PCM on a pipe."""
