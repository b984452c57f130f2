"""Convolutions with filters of their own at each place."""
