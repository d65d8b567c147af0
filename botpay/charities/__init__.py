"""Charities and the hashtags that lead to them."""
