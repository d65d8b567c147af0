"""docs/slack-manifest.json is what a new Slack app is made from: it must ask for what the code uses, and no more."""

import json
from pathlib import Path
from typing import Any

import pytest

from botpay.adapters.slack import SlackSettings
from botpay.adapters.slack.install import ENDS, REDIRECT
from botpay.adapters.slack.settings import COMMANDS, EVENTS, SCOPES

MANIFEST = Path(__file__).parents[2] / "docs" / "slack-manifest.json"


@pytest.fixture
def manifest() -> dict[str, Any]:
    """The manifest, as Slack reads it."""
    read: dict[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return read


def test_it_asks_for_the_scopes_that_the_code_uses(manifest: dict[str, Any]) -> None:
    """Scopes and events are those that `doctor` and the adapter go by."""
    assert manifest["oauth_config"]["scopes"]["bot"] == sorted(SCOPES)
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)


def test_commands_come_with_ids(manifest: dict[str, Any]) -> None:
    """Every command is one that the adapter knows, and has Slack put ids behind names."""
    commands = manifest["features"]["slash_commands"]
    assert {command["command"] for command in commands} == set(COMMANDS)
    assert all(command["should_escape"] for command in commands)


def test_everything_comes_to_one_address(manifest: dict[str, Any]) -> None:
    """Events, commands and presses all go to the path that the adapter serves by default."""
    settings = manifest["settings"]
    places = [command["url"] for command in manifest["features"]["slash_commands"]]
    places += [settings["event_subscriptions"]["request_url"], settings["interactivity"]["request_url"]]
    assert set(places) == {"https://pay.example.org" + SlackSettings.model_fields["path"].default}


def test_many_workspaces_can_install_it(manifest: dict[str, Any]) -> None:
    """Slack sends browsers back to our page alone, tells us when a grant ends, and lets no token end by itself."""
    assert manifest["oauth_config"]["redirect_urls"] == ["https://pay.example.org" + REDIRECT]
    assert set(ENDS) <= set(manifest["settings"]["event_subscriptions"]["bot_events"])
    assert manifest["settings"]["org_deploy_enabled"]
    assert not manifest["settings"]["token_rotation_enabled"]


def test_people_can_write_to_it_alone(manifest: dict[str, Any]) -> None:
    """Without the messages tab nobody could be answered in private."""
    home = manifest["features"]["app_home"]
    assert home["messages_tab_enabled"]
    assert not home["messages_tab_read_only_enabled"]
    assert manifest["settings"]["interactivity"]["is_enabled"]


def test_words_fit(manifest: dict[str, Any]) -> None:
    """The limits of Slack's manifest (https://docs.slack.dev/reference/app-manifest)."""
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140
    for command in manifest["features"]["slash_commands"]:
        assert len(command["command"]) <= 32
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
