"""Attacks by somebody who wants other people's money, and bad luck that looks like one: all of them are repelled."""
