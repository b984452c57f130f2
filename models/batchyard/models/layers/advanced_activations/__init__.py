"""Activation functions with arguments or weights of their own."""
