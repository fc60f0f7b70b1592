"""What services say in a success: that they have taken the message, or that they refuse it."""

from __future__ import annotations

import json
import re

import pytest
from apprise.manager_plugins import NotificationManager
from hypothesis import given
from hypothesis import strategies as st

from watcher.delivery.refused import refusal_in
from watcher.delivery.sender import libraries_of
from watcher.delivery.services.service import NO_RULES
from watcher.delivery.services.table import RULES
from watcher.delivery.urls import load

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # apprise's own, at its import

Said = dict[str, object] | list[object] | str
"""JSON, or a text as it is."""

_SENT: dict[str, object] = {
    "id": 1,
    "channel_id": "2",
    "content": 'told: {"ok": false}',
    "pinned": False,
    "tts": False,
}
_CREATED: dict[str, object] = {
    "result": "Request will be processed",
    "took": 0.2,
    "requestId": "43a2",
}
_OCS: dict[str, object] = {
    "ocs": {"meta": {"status": "ok", "statuscode": 200}, "data": {"silent": False}}
}
_ACCEPTED: dict[str, object] = {"status": "accepted", "message": "queued", "errors": []}
_GRAPH: dict[str, object] = {
    "messaging_product": "whatsapp",
    "contacts": [{"wa_id": "1"}],
    "messages": [{"id": "w"}],
}

TAKEN: dict[str, Said] = {
    "46elks": {"id": "s1", "status": "created", "direction": "outgoing", "cost": 3500},
    "AWS End User Messaging Social (WhatsApp)": {"messageId": "m1"},
    "AWS Simple Email Service (SES)": "<SendRawEmailResponse><MessageId>01</MessageId></SendRawEmailResponse>",
    "AWS Simple Notification Service (SNS)": "<PublishResponse><MessageId>01</MessageId></PublishResponse>",
    "Africas Talking": {
        "SMSMessageData": {
            "Recipients": [{"statusCode": 101, "status": "Success", "cost": "0"}]
        }
    },
    "Azure Communication Services": {"id": "1", "status": "Running", "error": None},
    "Bale": {
        "ok": True,
        "result": {"message_id": 1, "from": {"is_bot": True}, "chat": {"ok": False}},
    },
    "Bark": {"code": 200, "message": "success", "timestamp": 1700000000},
    "BlueSky": {
        "uri": "at://did:plc:1/app.bsky.feed.post/1",
        "cid": "b1",
        "validationStatus": "valid",
    },
    "Brevo": {"messageId": "<1@example.org>"},
    "BulkSMS": [
        {
            "id": "1",
            "type": "SENT",
            "status": {"id": "ACCEPTED.null", "type": "ACCEPTED"},
        }
    ],
    "BulkVS": {
        "RefId": "5a",
        "MessageType": "SMS",
        "Results": [{"To": "1", "Status": "SUCCESS"}],
    },
    "CM.com": {
        "details": "Created 1 message(s)",
        "errorCode": 0,
        "messages": [{"status": "Accepted"}],
    },
    "Chanify": {"request-uid": "c1"},
    "Cisco Webex Teams": {
        "id": "1",
        "roomType": "group",
        "markdown": '{"success": false}',
    },
    "ClickSend": {
        "http_code": 200,
        "response_code": "SUCCESS",
        "data": {"messages": [{"status": "SUCCESS", "is_mms": False}]},
    },
    "Clickatell": {
        "messages": [{"apiMessageId": "7", "accepted": True, "to": "1", "error": None}],
        "error": None,
    },
    "D7 Networks": {
        "request_id": "0",
        "status": "accepted",
        "created_at": "2026-11-28T00:00:00",
    },
    "Dapnet": {"text": "told", "callSignNames": ["df1abc"], "emergency": False},
    "DingTalk": {"errcode": 0, "errmsg": "ok"},
    "Discord": _SENT,
    "Dot.": {"code": 200, "message": "ok", "result": {}},
    "Enigma2": {"message": "Message sent successfully!", "result": True},
    "Evolution API": {
        "key": {"fromMe": True, "id": "B"},
        "status": "PENDING",
        "message": {"ephemeral": False},
    },
    "Exotel": {"SMSMessage": {"Sid": "1", "Status": "queued", "DateSent": None}},
    "Feishu": {
        "StatusCode": 0,
        "StatusMessage": "success",
        "code": 0,
        "data": {},
        "msg": "success",
    },
    "FireHydrant": {"success": True},
    "Firebase Cloud Messaging": {"name": "projects/1/messages/0:1"},
    "Flock": {"uid": "d_1"},
    "Fluxer": _SENT,
    "GitHub": {
        "data": {"addDiscussionComment": {"comment": {"id": "D1", "isAnswer": False}}}
    },
    "GoAlert": {"AlertID": "1", "IsNew": False},
    "Google Chat": {
        "name": "spaces/1/messages/2",
        "text": '{"ok":false}',
        "argumentText": "told",
    },
    "Gorush": {"counts": 1, "logs": [], "success": "ok"},
    "Gotify": {
        "id": 25,
        "appid": 5,
        "message": "told",
        "priority": 5,
        "extras": {"a::b": {"ok": False}},
    },
    "Groundmail": {"id": "msg_1", "status": "sent"},
    "Gupshup": {"status": "submitted", "messageId": "ee"},
    "HomeAssistant": [],
    "HumHub": {"id": 1, "content": {"metadata": {"archived": False, "pinned": False}}},
    "IFTTT": "Congratulations! You've fired the event",
    "Infobip": {
        "messages": [
            {"status": {"groupId": 1, "groupName": "PENDING"}, "messageId": "1"}
        ]
    },
    "Instagram": {"recipient_id": "1", "message_id": "m"},
    "Jira": _CREATED,
    "Join": {"success": True, "userAuthError": False, "errorMessage": ""},
    "Kook": {"code": 0, "message": "ok", "data": {"msg_id": "1", "nonce": ""}},
    "KakaoTalk": {"result_code": 0, "successful_receiver_uuids": ["u"]},
    "Kaleyra": {
        "id": "ee",
        "totalCount": 1,
        "data": [{"message_id": "ee:1"}],
        "error": {},
    },
    "Kavenegar": {
        "return": {"status": 200, "message": "ok"},
        "entries": [{"status": 1}],
    },
    "Kodi/XBMC": {"id": 1, "jsonrpc": "2.0", "result": "OK"},
    "Kudosity": {
        "message_id": 1,
        "recipients": 1,
        "error": {"code": "SUCCESS", "description": "OK"},
    },
    "Kumulos": {"id": 1, "productId": 2},
    "LFG Alarm": {"fired": True, "wokeUp": 1, "devices": 3},
    "LaMetric": {"success": {"id": "1"}},
    "Lark (Feishu)": {"code": 0, "data": {}, "msg": "success"},
    "Line": {"sentMessages": [{"id": "1", "quoteToken": "q"}]},
    "MSG91": {"message": "3763646c", "type": "success"},
    "Mailgun": {"id": "<1@example.org>", "message": "Queued. Thank you."},
    "Mastodon": {
        "id": "1",
        "sensitive": False,
        "reblogged": False,
        "content": "<p>told</p>",
    },
    "Matrix": {"event_id": "$1:example.org"},
    "Mattermost": "ok",
    "MessageBird": {
        "id": "e8",
        "recipients": {"totalSentCount": 1, "items": [{"status": "sent"}]},
    },
    "Misskey": {"createdNote": {"id": "1", "localOnly": False, "replyId": None}},
    "Mobile Message": {
        "status": "complete",
        "results": [{"status": "success", "message_id": "1"}],
    },
    "Nextcloud": _OCS,
    "Nextcloud Talk": _OCS,
    "Nostr": {"url": "https://example.org/b1", "names": {"alice": "f0"}},
    "Notifiarr": {"result": "success", "details": {"response": "accepted"}},
    "Notifico": "OK",
    "Notify!": {"success": True, "type": "device", "deviceId": "A", "message": "sent"},
    "Notifyre": {
        "success": True,
        "statusCode": 200,
        "message": "OK",
        "payload": {"smsMessageID": "1"},
        "errors": [],
    },
    "Octopush": {"sms_ticket": "sms_1", "number_of_contacts": 1, "total_cost": 0.05},
    "OneBot": {"status": "async", "retcode": 1, "data": {"message_id": 1}},
    "OneSignal": {"id": "b9", "external_id": None, "recipients": 1},
    "OpsiMate": {"success": True, "data": {"isDismissed": False}},
    "Opsgenie": _CREATED,
    "Pager Duty": {"status": "success", "message": "Event processed", "dedup_key": "1"},
    "PagerTree": {"id": "1", "status": "open", "meta": {"ok": False}},
    "Parse Platform": {"result": True},
    "Pinglet": {"id": "1"},
    "Pingram": {"trackingId": "t1"},
    "Plivo": {"message": "message(s) queued", "message_uuid": ["db"], "api_id": "1"},
    "Postmark": {
        "To": "a@example.org",
        "MessageID": "b7",
        "ErrorCode": 0,
        "Message": "OK",
    },
    "Prowl": '<?xml version="1.0"?><prowl><success code="200" remaining="999" resetdate="1" /></prowl>',
    "PushDeer": {
        "code": 0,
        "content": {"result": ['{"counts":1,"logs":[],"success":"ok"}']},
    },
    "PushMe": "success",
    "PushWard": {"slug": "a", "state": "ongoing", "ended": False},
    "Pushbullet": {"active": True, "iden": "u1", "dismissed": False, "type": "note"},
    "Pushed": {
        "response": {"type": "shipment_successfully_sent", "message": "shipped"}
    },
    "Pushjet": {"status": "ok"},
    "Pushover": {"status": 1, "request": "64"},
    "Pushplus": {"code": 200, "msg": "ok", "data": "m1"},
    "Pushsafer": {"status": 1, "success": "message transmitted", "available": 100},
    "Pushy": {"success": True, "id": "5742", "info": {"devices": 1, "failed": []}},
    "QQ Push": {"success": True, "reason": "done", "code": 0, "info": {}},
    "Reddit": {"json": {"errors": [], "data": {"drafts_count": 0, "id": "1"}}},
    "Resend": {"id": "49"},
    "Revolt": {
        "_id": "A",
        "nonce": "01",
        "channel": "0",
        "author": "0",
        "content": "told",
    },
    "RingCentral": {
        "id": 1,
        "messageStatus": "Queued",
        "priority": "Normal",
        "readStatus": "Read",
    },
    "Rocket.Chat": {
        "success": True,
        "message": {"unread": False, "groupable": False, "msg": "told"},
    },
    "Ryver": "OK",
    "Société Française du Radiotéléphone": {"success": True, "reponse": 8888888},
    "SIGNL4": {"eventId": "2516"},
    "SMS Eagle": {"result": [{"message_id": "748", "status": "ok"}]},
    "SMS Manager": "OK|1234567|420777111222",
    "SMSC": {"id": 42, "cnt": 1},
    "SMSTunnel": {
        "success": True,
        "messageId": "1",
        "data": {"messageId": "1", "branded": False},
    },
    "SMTP2Go": {
        "request_id": "a",
        "data": {"succeeded": 1, "failed": 0, "failures": [], "email_id": "1"},
    },
    "SendPulse": {"result": True, "id": "pz"},
    "SerwerSMS": {"success": True, "queued": 1, "unsent": 0},
    "ServerChan": {
        "code": 0,
        "message": "",
        "data": {"pushid": "1", "error": "SUCCESS", "errno": 0},
    },
    "Session Open Group Server": {"id": 1, "seqno": 2, "whisper": False},
    "Signal API": {"timestamp": "1700000000000"},
    "Signalgrid": {"text": "OK", "code": "200"},
    "Simplepush": {"status": "OK", "enabled": False},
    "Sinch": {
        "id": "a",
        "type": "mt_text",
        "canceled": False,
        "delivery_report": "none",
    },
    "Slack": {
        "ok": True,
        "channel": "C1",
        "ts": "1.2",
        "message": {"text": '"ok":false', "blocks": [{"ok": False}]},
    },
    "SparkPost": {
        "results": {
            "total_rejected_recipients": 0,
            "total_accepted_recipients": 1,
            "id": "1",
        }
    },
    "Spike.sh": {"message": "Incident created"},
    "Splunk On-Call": {"result": "success", "entity_id": "1"},
    "SpugPush": {"code": 200, "msg": "done", "request_id": "1"},
    "Squadcast": _ACCEPTED,
    "Streamlabs": {"success": True, "message": "Alert queued"},
    "Synology Chat": {"success": True, "data": {"fail": [], "succ": [1]}},
    "Techulus Push": {"success": True, "message": "Notification sent", "responses": []},
    "Telegram": {
        "ok": True,
        "result": {"message_id": 1, "from": {"is_bot": True}, "text": '{"ok":false}'},
    },
    "Telesign": {
        "reference_id": "01",
        "status": {"code": 290, "description": "Message in progress"},
    },
    "Telnyx": {
        "data": {
            "id": "4",
            "errors": [],
            "to": [{"status": "queued"}],
            "valid_until": None,
        }
    },
    "Threema Gateway": "0123456789abcdef",
    "Trigv": {"event": {"public_id": "01", "status": "sent"}},
    "Twilio": {
        "sid": "SM1",
        "status": "queued",
        "error_code": None,
        "error_message": None,
    },
    "Twist": {"id": 1234, "content": "told", "is_archived": False},
    "Twitter": {"data": {"dm_conversation_id": "1", "dm_event_id": "2"}},
    "Viber": {
        "status": 0,
        "status_message": "ok",
        "message_token": 1,
        "billing_status": 1,
    },
    "VoIPms": {"status": "success", "sms": 23434},
    "Vonage": {
        "message-count": "1",
        "messages": [{"to": "1", "message-id": "A", "status": "0"}],
    },
    "WPUSH": {"code": 0, "message": "success", "data": "1126"},
    "WeChat (WeCom)": {"errcode": 0, "errmsg": "ok", "msgid": "1"},
    "WeCom Bot": {"errcode": 0, "errmsg": "ok"},
    "Whapi.Cloud": {"sent": True, "message": {"id": "P", "from_me": True, "ok": False}},
    "WhatsApp": _GRAPH,
    "WxPusher": {
        "code": 1000,
        "msg": "done",
        "success": True,
        "data": [{"code": 1000, "status": "created"}],
    },
    "YouLMK": {"id": "n1", "status": "delivered", "grouped": False},
    "Zalo": {"ok": True, "result": {"message_id": "8", "date": 1749632637}},
    "Zulip": {
        "result": "success",
        "msg": "",
        "id": 42,
        "automatic_new_visibility_policy": 2,
    },
    "httpSMS": {
        "data": {"id": "1", "status": "pending", "encrypted": False},
        "status": "success",
    },
    "ilert": {"responseCode": "NEW_ALERT_CREATED", "alertKey": "1"},
    "incident.io": _ACCEPTED,
    "ntfy": {
        "id": "h",
        "time": 1,
        "event": "message",
        "topic": "t",
        "message": '"ok": false',
    },
    "seven": {
        "success": "100",
        "total_price": 0.07,
        "messages": [{"id": "1", "success": True, "error": None}],
    },
    "xMatters": {"requestId": "abc"},
}
"""What a service says when it takes a message, as apprise's plugins, its tests and the services' pages have it."""
WORDLESS = {
    *(
        "800.com",
        "Apprise API",
        "Better Stack",
        "Emby",
        "Flowtriq",
        "Form",
        "Free-Mobile",
        "GroupMe",
        "Guilded",
    ),
    *(
        "JSON",
        "Jellyfin",
        "Lauther",
        "MailerSend",
        "Notica",
        "Office 365",
        "SendGrid",
        "Stackfield",
    ),
    *(
        "Power Automate / Workflows (for MSTeams)",
        "Vapid Web Push Notifications",
        "XML",
        "Zoho Cliq",
        "Zoom",
    ),
}
"""Those that say nothing with it, or what their owner has written."""
FURTHER: dict[str, Said] = {
    "Mattermost": {"id": "1", "is_pinned": False},
    "Slack": "ok",
    "seven": "100",
}
"""Another answer of some, in another mode."""

REFUSED: dict[str, tuple[Said, str]] = {
    "ClickSend": (
        {
            "response_code": "SUCCESS",
            "data": {"messages": [{"status": "INSUFFICIENT_CREDIT"}]},
        },
        "INSUFFICIENT_CREDIT",
    ),
    "Clickatell": (
        {
            "messages": [{"accepted": False, "to": "1", "error": {"code": 105}}],
            "error": None,
        },
        "105",
    ),
    "DingTalk": ({"errcode": 310000, "errmsg": "keywords not in content"}, "310000"),
    "Feishu": ({"code": 19024, "msg": "Key Words Not Found", "data": {}}, "19024"),
    "Join": ({"success": False, "errorMessage": "no devices"}, ""),
    "Kodi/XBMC": (
        {"id": 1, "error": {"code": -32601, "message": "Method not found."}},
        "-32601",
    ),
    "Lark (Feishu)": ({"code": 9499, "msg": "Bad Request", "data": {}}, "9499"),
    "MSG91": ({"message": "template not found", "type": "error"}, "error"),
    "Notify!": ({"success": False, "message": "Device not found"}, ""),
    "OneSignal": (
        {"id": "", "errors": ["All included players are not subscribed"]},
        "",
    ),
    "PushDeer": ({"code": 80501, "error": "no device"}, "80501"),
    "PushMe": ("Push failed, empty push_key!", ""),
    "QQ Push": (
        {"success": False, "reason": "no such key", "code": 500, "info": {}},
        "",
    ),
    "Rocket.Chat": ({"success": False, "error": "error-not-allowed"}, ""),
    "SMTP2Go": (
        {"data": {"succeeded": 0, "failed": 1, "failures": ["no"], "email_id": ""}},
        "1",
    ),
    "ServerChan": (
        {"code": 40001, "message": "bad key", "data": {"errno": 1024}},
        "40001",
    ),
    "Signalgrid": ({"text": "client_key is invalid", "code": "400"}, "400"),
    "SparkPost": (
        {"results": {"total_rejected_recipients": 1, "total_accepted_recipients": 0}},
        "1",
    ),
    "Splunk On-Call": ({"result": "failure", "messages": "no such key"}, "failure"),
    "SpugPush": ({"code": 204, "msg": "no such template"}, "204"),
    "Synology Chat": (
        {"error": {"code": 407, "errors": "user muted"}, "success": False},
        "407",
    ),
    "VoIPms": (
        {
            "status": "invalid_credentials",
            "message": "Username or Password is incorrect",
        },
        "invalid_credentials",
    ),
    "Vonage": (
        {
            "message-count": "1",
            "messages": [{"status": "4", "error-text": "Bad Credentials"}],
        },
        "4",
    ),
    "WeCom Bot": ({"errcode": 93000, "errmsg": "invalid webhook url"}, "93000"),
    "seven": ({"success": "900", "messages": []}, "900"),
}
"""What a service says in a success when it refuses, and which code of it is shown."""
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def _written(said: Said) -> list[bytes]:
    """Return an answer in the ways in which a service may write it."""
    if isinstance(said, str):
        return [said.encode(), f"{_BOM}{said}".encode(), f"\r\n {said}\n".encode()]
    plain = json.dumps(said, separators=(",", ":"))
    texts = [
        plain,
        json.dumps(said),
        json.dumps(said, indent=4),
        json.dumps(said, separators=(" ,\t", " :\r\n ")),
    ]
    texts += [
        f"{_BOM}{plain}",
        f" \n{plain}\n",
        plain.replace("false", "False"),
        plain.replace("false", "FALSE"),
    ]
    return [text.encode() for text in texts]


def _refusal(name: str, body: bytes) -> str | None:
    return refusal_in(body, RULES.get(name, NO_RULES).refuses)


def _beginnings(body: bytes) -> list[bytes]:
    return [body[:length] for length in range(len(body) + 1)]


def test_the_answer_of_every_service_is_known() -> None:
    """Every plugin that speaks HTTP is in one of the lists. What a new one is answered is looked up by a person."""
    load()
    plugins = set(NotificationManager().plugins())  # type: ignore[no-untyped-call]  # apprise's
    names = {
        str(
            getattr(plugin.service_name, "text", plugin.service_name)
        )  # some are translated
        for plugin in plugins
        if "requests" in libraries_of(plugin)
    }
    assert names == TAKEN.keys() | WORDLESS
    assert not TAKEN.keys() & WORDLESS


@pytest.mark.parametrize("name", sorted(TAKEN.keys() | WORDLESS))
def test_a_success_is_no_refusal(name: str) -> None:
    """No answer of a service that took the message refuses it, whole or cut, by its own rule or the default."""
    answers = [said[name] for said in (TAKEN, FURTHER) if name in said]
    for body in [b"", *(body for answer in answers for body in _written(answer))]:
        for beginning in _beginnings(body):
            assert _refusal(name, beginning) is None, beginning
            assert refusal_in(beginning) is None, beginning


def test_every_rule_has_a_refusal() -> None:
    """Every service with a rule of its own is answered a refusal here."""
    assert REFUSED.keys() >= {
        name for name, rules in RULES.items() if rules.refuses is not None
    }


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_in_a_success_is_seen(name: str) -> None:
    """A service that refuses in a success is heard, however it writes, with its own code."""
    answer, code = REFUSED[name]
    for body in _written(answer):
        assert _refusal(name, body) == code, body


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_that_is_cut_is_seen(name: str) -> None:
    """A refusal is one from where it says so, whatever of the rest is lost."""
    answer, _ = REFUSED[name]
    for body in _written(answer):
        seen = [
            _refusal(name, beginning) is not None for beginning in _beginnings(body)
        ]
        assert seen == sorted(seen), body
        assert seen[len(body.rstrip(b"}] \r\n\t"))], body


@pytest.mark.parametrize("key", ["success", "ok", "accepted", "Success", "OK"])
@pytest.mark.parametrize("no", ["false", "False", '"false"'])
@pytest.mark.parametrize(
    "around", ["{%s}", '{"a": {"b": [1]}, %s}', '{%s, "a": "}"}', '{"a": "\\"{[", %s}']
)
def test_every_service_may_say_no(key: str, no: str, around: str) -> None:
    """Whoever answers, a verdict on the whole counts, wherever in the object it stands."""
    assert refusal_in((around % f'"{key}" : {no}').encode()) == ""


@pytest.mark.parametrize(
    "body",
    [
        '{"sent": {"ok": false}}',
        '{"options": [{"success": false}], "ok": true}',
        '[{"ok": false}]',
        '["ok", false]',
        '{"text": "{\\"ok\\": false}"}',
        '{"text": ",\\"ok\\":false,"}',
        '{"text": "told,", "not ok": false}',
        '{"ok": "false alarm"}',
        '{"ok": falsehood}',
        '{"okay": false, "is_ok": false, "success_url": false}',
        '{"ok": true} {"ok": false}',
        '{"ok": null}',
        '{"success": 0}',
        '"ok": false',
        'ok: false, {"ok": false}',
        "<!doctype html><script>window.state = {'ok': false}; more = {\"ok\": false}</script>",
        "\\",
        '"',
    ],
)
def test_what_only_looks_like_a_no_is_none(body: str) -> None:
    """What is inside of a value, a number, a name that only has the word, or no JSON, is no verdict."""
    assert refusal_in(body.encode()) is None


@pytest.mark.parametrize(
    "code", ["1234567890", "a", "a" * 41, "s3cr3t", "no such key", "\x1b[31m"]
)
def test_only_a_short_code_is_shown(code: str) -> None:
    """A service's own words are shown only where they are a number or one word; the refusal counts all the same."""
    assert (
        refusal_in(f'{{"why": "{code}"}}'.encode(), re.compile(rb'"why": "(.*)"')) == ""
    )


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.sampled_from(["ok", "a"]) | st.text(), values, max_size=3)
    ),
    max_leaves=20,
)


@given(
    st.dictionaries(
        st.sampled_from(["ok", "success", "accepted", "a"]) | st.text(),
        _JSON,
        max_size=4,
    ),
    st.sampled_from([None, 1]),
)
def test_the_default_is_what_a_decoder_finds(
    answer: dict[str, object], indent: int | None
) -> None:
    """The default holds where the decoded object has one of the three names with false, and nowhere else."""
    denials = [
        value
        for key, value in answer.items()
        if key.isascii() and key.lower() in ("success", "ok", "accepted")
    ]
    says_no = any(
        value is False or (isinstance(value, str) and value.lower() == "false")
        for value in denials
    )
    written = json.dumps(answer, indent=indent, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    assert (refusal_in(written) is not None) == says_no
