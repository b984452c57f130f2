"""What other versions of Keras write, rewritten as Keras 2.2.4 would have written it."""
