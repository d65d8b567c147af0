"""The parameters of each method as the Bot API describes them (core.telegram.org/bots/api, version 10).

Telegram ignores what it does not know, so a misspelt parameter goes unnoticed there. Here it is refused.
"""

from botpay.testing.telegram.wire import Params, bad_request

_MESSAGE = "business_connection_id chat_id text parse_mode entities link_preview_options reply_markup"
_NAMES = {
    "getme": "",
    "getchat": "chat_id",
    "setmycommands": "commands scope language_code",
    "getmycommands": "scope language_code",
    "getupdates": "offset limit timeout allowed_updates",
    "setwebhook": "url certificate ip_address max_connections allowed_updates drop_pending_updates secret_token",
    "deletewebhook": "drop_pending_updates",
    "getwebhookinfo": "",
    "sendmessage": f"{_MESSAGE} message_thread_id direct_messages_topic_id disable_notification protect_content "
    "allow_paid_broadcast message_effect_id suggested_post_parameters reply_parameters",
    "editmessagetext": f"{_MESSAGE} message_id inline_message_id",
    "editmessagereplymarkup": "business_connection_id chat_id message_id inline_message_id reply_markup",
    "deletemessage": "chat_id message_id",
    "answercallbackquery": "callback_query_id text show_alert url cache_time",
    "answerinlinequery": "inline_query_id results cache_time is_personal next_offset button",
}
PARAMETERS = {method: frozenset(names.split()) for method, names in _NAMES.items()}


def refuse_unknown(method: str, params: Params) -> None:
    """Raises `ApiError` for parameters that a method does not have."""
    unknown = sorted(set(params.values) - PARAMETERS[method])
    if unknown:
        raise bad_request(f"{method} has no parameter {', '.join(unknown)}")
