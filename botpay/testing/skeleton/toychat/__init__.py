"""Toychat for botpay: an adapter, and a fake Toychat to try it on."""

from toychat.adapter import ToychatAdapter, ToychatSettings

__all__ = ["ToychatAdapter", "ToychatSettings"]
