"""From raw data to arrays: sequences, texts, images."""

from batchyard.models.preprocessing import image, sequence, text

__all__ = ["image", "sequence", "text"]
