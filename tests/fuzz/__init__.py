"""Damaged and hostile files by the ten thousand, made of valid ones; `make fuzz` runs it."""
