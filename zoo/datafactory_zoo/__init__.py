"""Policies trained on datasets as they lie there, and evaluated in the worlds that made them."""
