"""Toychat keeps the contract, and people can pay each other there."""

from toychat.contract import ToychatContract, ToychatPlatform

from botpay.testing.scripted import ScriptedChat


class TestContract(ToychatContract):
    """All that botpay relies on."""


class TestChats(ScriptedChat):
    """Conversations from end to end, with a whole botpay behind."""

    platform = ToychatPlatform
