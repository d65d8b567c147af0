"""Shipped for authors of adapters: fake platforms, a scripted chat, a clock that stands still."""
