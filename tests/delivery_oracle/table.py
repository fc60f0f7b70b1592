"""Every service of apprise that speaks HTTP, with two or three targets where one URL can have several."""

from __future__ import annotations

from dataclasses import replace

from tests.delivery_oracle.service import Answer, Service

_KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
_UUID = "8b799edf-6f98-4d3a-9be7-2862fb4e5752"
_UUID2 = "9b799edf-6f98-4d3a-9be7-2862fb4e5752"
_PHONES = ("15550101234", "15550105678")
_MAILS = ("first@mail.example", "second@mail.example")
_ROOMS = ("firstroom", "secondroom")
_P, _M, _R = "/".join(_PHONES), "/".join(_MAILS), "/".join(_ROOMS)


def _row(
    url: str,
    targets: tuple[str, ...] = (),
    taken: object = None,
    *others: tuple[str, object],
    status: int = 200,
    hidden: str = "",
    name: str = "",
) -> Service:
    """Return a service, which has the name of its URL's scheme."""
    return Service(
        name=name or url.partition("://")[0],
        url=url,
        targets=targets,
        taken=Answer(said={} if taken is None else taken, status=status),
        others=tuple(
            (pattern, said if isinstance(said, Answer) else Answer(said=said))
            for pattern, said in others
        ),
        hidden=hidden,
    )


def _rows(urls: str, targets: tuple[str, ...] = ()) -> list[Service]:
    """Return services that take any success: their URLs, which have the same targets."""
    names = {"{key}": _KEY, "{phones}": _P, "{mails}": _M, "{rooms}": _R}
    for name, text in names.items():
        urls = urls.replace(name, text)
    return [_row(url, targets) for url in urls.split()]


_PLAIN = (
    *_rows("""
    apprises://host.example/token
    betterstack://token/me@mail.example
    chanify://abc123
    forms://host.example/path
    jsons://host.example/path
    xmls://host.example/path
    discord://iiiiiiiiiiiiiiiiiiiiiiii/tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt
    dot://apikey@device/
    firehydrant://token
    flowtriqs://apikey@host.example/hooks/abc123/
    fluxer://1234567890/BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
    freemobile://user@secret
    gchat://workspace/key/token
    gotifys://host.example/token
    kodis://user:secret@host.example
    kumulos://8b799edf-6f98-4d3a-9be7-2862fb4e5752/wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww
    lametrics://CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC==@abcd/?mode=cloud
    lauther://lpt_abcdef
    notica://abcdef
    notifico://1234/ckhrjW8w672m6HG
    notifyapp://device/token
    opsimates://apikey@host.example
    pagertree://int_xxxxxxxxxxx
    parseps://app:master@host.example
    pinglets://abc123@host.example/acme/deploys
    prowl://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    pjets://host.example/{key}
    pushward://hlk_abc123
    ryver://organization/ckhrjW8w672m6HG
    spike://1234567890abcdef1234567890abcdef
    stackfield://11111111-2222-3333-4444-555555555555
    strmlabs://IcIcArukDQtuC1is1X1UdKZjTg118Lag2vScOmso/
    push://8b799edf-6f98-4d3a-9be7-2862fb4e5752
    wxteams://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    youlmk://ylk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    zoom://abcHook123/xyzVerify456
    """),
    *_rows(
        """
    atalk://user@apikey/{phones}
    awswhatsapp://ACCESSKEY/SECRETKEY/us-west-2/phone-number-id-abc123/{phones}
    bulksms://token:secret@{phones}
    bulkvs://user:secret@15550100000/{phones}
    burstsms://abcdefgh:abcdefghijklmnop@15550100000/{phones}
    clickatell://{key}/{phones}
    clicksend://user:secret@{phones}
    cm://8b799edf-6f98-4d3a-9be7-2862fb4e5752/{phones}
    d7sms://token@{phones}
    eight00com://token@15550100000/{phones}
    evolutions://apikey@host.example/instance/{phones}
    exotel://{key}:{key}@15550100000/{phones}
    46elks://user:secret@15550100000/{phones}
    gupshup://app:apikey@15550100000/{phones}
    httpsms://apikey@15550100000/{phones}
    infobip://apikey@host.example/{phones}
    kaleyra://HXIN123:apikey@sender/{phones}
    kavenegar://abcdef/{phones}
    smsmgr://apikey@{phones}
    smstunnel://apikey/{phones}
    sns://ACCESSKEY/secret/us-west-2/{phones}
    telesign://customer:apikey@{phones}
    telnyx://apikey@15550100000/{phones}
    threema://*THEGWID@secret/{phones}
    whatsapp://{key}@123456/{phones}
    """,
        _PHONES,
    ),
    *_rows(
        """
    brevo://abcd:me@mail.example/{mails}
    groundmail://abcd:me@mail.example/{mails}
    mailgun://me@mail.example/{key}-bbbbbbbb-cccccccc/{mails}
    postmark://abcd:me@mail.example/{mails}
    resend://abcd:me@mail.example/{mails}
    """,
        _MAILS,
    ),
    *_rows(
        """
    cliq://1000.abcdef.abcdef/{rooms}
    pushed://{key}/{key}{key}/#firstroom/@secondroom
    revolt://iiiiiiiiiiiiiiiiiiiiiiii/{rooms}
    sessions://bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@host.example/{rooms}
    trigvs://trgv_a1b2c3d4_{key}/{rooms}
    """,
        _ROOMS,
    ),
)
"""Services that take any success, with a target in each request."""
_ROWS = (
    *_PLAIN,
    _row(f"acs://me@mail.example/YWNjZXNza2V5/acs.example/{_M}", _MAILS, status=202),
    _row(
        "bale://123456789:abcdefg/11111111/22222222",
        ("11111111", "22222222"),
        {"ok": True},
    ),
    _row(
        "barks://host.example/firstdevice/seconddevice", ("firstdevice", "seconddevice")
    ),
    _row(
        "bluesky://user.example@app-pw",
        (),
        {
            "accessJwt": "abcd",
            "refreshJwt": "abcd",
            "did": "did:plc:1234",
            "service": [
                {
                    "type": "AtprotoPersonalDataServer",
                    "serviceEndpoint": "https://pds.example",
                }
            ],
        },
    ),
    _row("dapnet://user:secret@DF1ABC/DF1DEF", ("df1abc", "df1def"), status=201),
    _row("dingtalk://aaaaaaaa/15550101234", (), {"errcode": 0}),
    _row(
        "embys://user:secret@host.example",
        ("session1", "session2"),
        {},
        ("AuthenticateByName", {"User": {"Id": "user1"}, "AccessToken": "token"}),
        ("Sessions\\?", [{"Id": "session1"}, {"Id": "session2"}]),
    ),
    _row("enigma2s://host.example", (), {"result": True}),
    _row(
        "fcm://apikey/firstdevice/seconddevice",
        ("firstdevice", "seconddevice"),
        {"success": 1, "failure": 0},
    ),
    _row("feishu://abc123", (), {"code": 0}),
    _row(
        "flock://iiiiiiiiiiiiiiiiiiiiiiii/u:firstuser/g:secondgroup",
        ("u:firstuser", "g:secondgroup"),
    ),
    _row("github://ghp_token@owner/repo", (), {}, status=201),
    _row(f"goalerts://host.example/{_UUID}/{_UUID2}", (_UUID, _UUID2)),
    _row(
        "gorushs://host.example/firstdevice/seconddevice?platform=android",
        ("firstdevice", "seconddevice"),
    ),
    _row("groupme://68ca900a7d17f9b9891a73af2a", (), b"", status=202),
    _row(
        "hassios://host.example/notify.first/notify.second?token=token",
        ("notify/first", "notify/second"),
    ),
    _row("humhubs://token@host.example/11111/22222", ("11111", "22222"), {"id": 1}),
    _row("ifttt://WebHookID/firstevent/secondevent", ("firstevent", "secondevent")),
    _row("ilert://key", (), {}, status=202),
    _row("incidentio://ABC123/token", (), {}, status=202),
    _row("instagram://token/11111111/22222222", ("11111111", "22222222")),
    _row(
        "jira://apikey/#first/@second",
        (),
        {"result": "Request will be processed", "requestId": "1"},
        status=202,
    ),
    _row(
        f"join://{_KEY}/{'d' * 32}/{'e' * 32}", ("d" * 32, "e" * 32), {"success": True}
    ),
    _row(
        "kakaotalk://clientid/refresh/uuidfirst/uuidsecond",
        ("uuidfirst", "uuidsecond"),
        {},
        ("oauth", {"access_token": "token", "expires_in": 20000}),
    ),
    _row(
        "kook://token/1111111111/2222222222", ("1111111111", "2222222222"), {"code": 0}
    ),
    _row("lark://abcd-1234", (), {"code": 0}),
    _row(f"lfg://{_KEY}", (), {"fired": True, "devices": 1}, hidden="/horn/"),
    _row("line://token/firsttarget/secondtarget", ("firsttarget", "secondtarget")),
    _row(f"mailersend://abcd:me@mail.example/{_M}", _MAILS, status=202),
    _row(
        "mastodons://token@host.example/@first/@second",
        (),
        {"id": "1", "url": "https://host.example/1"},
    ),
    _row(
        "matrixs://user:secret@host.example/#first/#second?e2ee=no",
        ("!first:", "!second:"),
        {"event_id": "$1"},
        ("well-known", {}),
        (
            "login",
            {
                "access_token": "token",
                "home_server": "host.example",
                "user_id": "@user:host.example",
            },
        ),
        ("join/.{0,4}first", {"room_id": "!first:host.example"}),
        ("join/.{0,4}second", {"room_id": "!second:host.example"}),
        ("joined_rooms", {"joined_rooms": []}),
        ("logout", {}),
    ),
    _row(
        "mmosts://host.example/3ccdd113474722377935511fc85d3dd4/?to=firstroom,secondroom",
        _ROOMS,
        b"ok",
    ),
    _row(f"msgbird://{'a' * 25}/15550100000/{_P}", _PHONES, status=201),
    _row("misskeys://token@host.example", (), {}),
    _row(
        "mobilemessage://user:secret@sender/61412345678/61487654321",
        ("61412345678", "61487654321"),
        {"status": "complete", "results": [{"status": "success"}] * 2},
    ),
    _row(f"msg91://{'t' * 20}@{'a' * 23}/{_P}", _PHONES, {"type": "success"}),
    _row(
        "nclouds://user:secret@host.example/firstuser/seconduser",
        ("firstuser", "seconduser"),
    ),
    _row(f"nctalks://user:secret@host.example/{_R}", _ROOMS, status=201),
    _row("notifiarr://apikey/111111/222222", ("111111", "222222")),
    _row(f"notifyre://abcdef1234567890/{_P}", _PHONES, {"success": True}),
    _row("ntfys://host.example/firsttopic/secondtopic", ("firsttopic", "secondtopic")),
    _row(f"octopush://me@mail.example/apikey/{_P}", _PHONES, status=201),
    _row(
        f"o365://me@mail.example/tenant/ab-cd-ef-gh/secret/{_M}",
        _MAILS,
        {"expires_in": 2000, "access_token": "token", "mail": "me@mail.example"},
    ),
    _row(
        "onesignal://app@apikey/firstplayer/secondplayer",
        ("firstplayer", "secondplayer"),
        {"id": "1"},
    ),
    _row(
        "onebots://token@host.example/@11111111/%2322222222",
        ("11111111", "22222222"),
        {"status": "ok", "retcode": 0},
    ),
    _row(
        "opsgenie://apikey/#first/@second",
        (),
        {"result": "Request will be processed", "requestId": "1"},
        status=202,
    ),
    _row("pagerduty://key@apikey", (), {}, status=202),
    _row(
        f"pingram://pingram_sk_abc123/id1/{_MAILS[0]}/id2/{_MAILS[1]}",
        _MAILS,
        {"trackingId": "abc123"},
    ),
    _row(f"plivo://{'a' * 25}@{'b' * 40}/15550100000/{_P}", _PHONES, status=202),
    _row(f"pbul://{_KEY}/firstdevice/#secondchannel", ("firstdevice", "secondchannel")),
    _row("pushdeer://abcdef", (), {"code": 0, "content": {"result": ["ok"]}}),
    _row("pushme://abcdef", (), b"success"),
    _row(
        f"pover://{'u' * 30}@{'a' * 30}/firstdevice/seconddevice",
        ("firstdevice", "seconddevice"),
        {"status": 1},
    ),
    _row(
        f"pushplus://{_KEY}/firstgroup/secondgroup",
        ("firstgroup", "secondgroup"),
        {"code": 200},
    ),
    _row("psafers://" + "f" * 20 + "/11111/22222", ("11111", "22222"), {"status": 1}),
    _row(
        "pushy://apikey/firstdevice/seconddevice",
        ("firstdevice", "seconddevice"),
        {"success": True},
    ),
    _row("qq://abc123def456ghi789jkl012mno345pq", (), {"success": True, "code": 0}),
    _row(
        "reddit://user:secret@app/secret/firstsub/secondsub",
        ("firstsub", "secondsub"),
        {"json": {"errors": []}},
        (
            "access_token",
            {
                "access_token": "token",
                "token_type": "bearer",
                "expires_in": 100000,
                "scope": "*",
            },
        ),
    ),
    _row(
        f"ringc://15550100000:secret@client/secret/{_P}",
        _PHONES,
        {
            "access_token": "token",
            "token_type": "bearer",
            "expires_in": 3600,
            "scope": "SMS",
            "owner_id": "123",
            "id": 1,
        },
    ),
    _row(
        "rockets://user:secret@host.example/#firstroom/@secondroom",
        _ROOMS,
        {
            "status": "success",
            "success": True,
            "data": {"authToken": "token", "userId": "user"},
        },
    ),
    _row(f"sendgrid://abcd:me@mail.example/{_M}", _MAILS, status=202),
    _row(
        f"sendpulse://me@mail.example/client/secret/{_M}",
        _MAILS,
        {"access_token": "token", "expires_in": 3600},
    ),
    _row("schan://12345678", (), {"code": 0}),
    _row(f"serwersms://user:secret@sender/{_P}", _PHONES, {"success": True}),
    _row(
        f"ses://me@mail.example/ACCESSKEY/secret/us-west-2/{_M}",
        _MAILS,
        b"<SendRawEmailResponse><SendRawEmailResult><MessageId>1</MessageId></SendRawEmailResult></SendRawEmailResponse>",
    ),
    _row(f"seven://apikey/{_P}", _PHONES, {"success": "100"}),
    _row(
        f"sfr://user:secret@000/{_P}", _PHONES, {"success": True, "response": 8888888}
    ),
    _row(f"signals://host.example/15550100000/{_P}", _PHONES, status=201),
    _row(
        "signalgrid://clientkey/firstchannel/secondchannel",
        ("firstchannel", "secondchannel"),
    ),
    _row("signl4://secret", (), {"eventId": "1"}),
    _row("spush://token", (), {"status": "OK"}),
    _row(f"sinch://{_KEY}:{_KEY}@15550100000/{_P}", _PHONES, status=201),
    _row(
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#firstroom/#secondroom",
        _ROOMS,
        b"ok",
    ),
    _row(
        "slack://xoxb-1234-1234-abc124/#firstroom/#secondroom",
        _ROOMS,
        {"ok": True, "message": ""},
        name="slack-bot",
    ),
    _row(f"smsc://login:secret@{_P}", _PHONES, {"id": 1, "cnt": 1}),
    _row(
        f"smseagles://token@host.example/{_P}",
        _PHONES,
        {"result": {"message_id": "1", "status": "ok"}},
    ),
    _row(
        f"smtp2go://me@mail.example/{_KEY}/{_M}",
        _MAILS,
        {"data": {"failed": 0, "succeeded": 1}},
    ),
    _row(
        f"sparkpost://me@mail.example/{_KEY}/{_M}",
        _MAILS,
        {"results": {"total_rejected_recipients": 0, "id": "1"}},
    ),
    _row("splunk://route@apikey", (), {"result": "success"}),
    _row("spugpush://abc123def456ghi789jkl012mno345pq", (), {"code": 200}),
    _row("squadcast://key", (), {}, status=202),
    _row("synologys://host.example/token", (), {"success": True}),
    _row(
        "tgram://123456789:abcdefg_hijklmnop/11111111/22222222",
        ("11111111", "22222222"),
        {"ok": True},
    ),
    _row(
        "tgram://123456789:abcdefg_hijklmnop/",
        (),
        {
            "ok": True,
            "result": [
                {
                    "update_id": 1,
                    "message": {
                        "chat": {"id": 11111111},
                        "from": {"id": 11111111, "is_bot": False, "username": "me"},
                        "text": "/start",
                    },
                }
            ],
        },
        name="tgram-lookup",
    ),
    _row(f"twilio://AC{_KEY}:{_KEY}@15550100000/{_P}", _PHONES, status=201),
    _row(
        "twist://secret:me@mail.example/12:1234512345/12:6789067890",
        ("1234512345", "6789067890"),
        {"token": "token", "default_workspace": 12},
    ),
    _row(
        "twitter://ckey/csecret/akey/asecret/?mode=tweet",
        (),
        {"data": {"id": "12345", "username": "me"}},
    ),
    _row(
        "twitter://user@ckey/csecret/akey/asecret/firstuser/seconduser?mode=dm&cache=no",
        ("111111", "222222"),
        {
            "data": [
                {"id": "111111", "username": "firstuser"},
                {"id": "222222", "username": "seconduser"},
            ]
        },
        name="twitter-dm",
    ),
    _row(
        "viber://token/firsttarget/secondtarget",
        ("firsttarget", "secondtarget"),
        {"status": 0},
    ),
    _row(
        f"voipms://secret:me@mail.example/15550100000/{_P}",
        ("5550101234", "5550105678"),
        {"status": "success"},
    ),
    _row(
        f"vonage://apikey:secret@15550100000/{_P}",
        _PHONES,
        {"messages": [{"status": "0"}]},
    ),
    _row(
        f"wxteams://{'Bc10' * 25}/firstroom1/secondroom",
        ("firstroom1", "secondroom"),
        name="wxteams-bot",
    ),
    _row(
        "wechat://wwcorpid1234567890:abcSecret9@1000002/firstuser/seconduser",
        (),
        {"errcode": 0, "errmsg": "ok", "access_token": "token", "expires_in": 7200},
    ),
    _row("wecombot://botkey", (), {"errcode": 0}),
    _row(f"whapi://token/{_P}", _PHONES, {"sent": True}),
    _row("workflows://host.example:443/workflow1a/signature", (), {}, status=202),
    _row(
        f"wpush://WPUSH{'a' * 27}/firsttopic/secondtopic",
        ("firsttopic", "secondtopic"),
        {"code": 0},
    ),
    _row("wxpusher://AT_appid/UID_first/UID_second", (), {"code": 1000}),
    _row("xmatters://apikey@host.example/integration", (), {}, status=202),
    _row(
        "zalo://123456:abcdef/firstchat/secondchat",
        ("firstchat", "secondchat"),
        {"ok": True},
    ),
    _row(
        f"zulip://bot@organization/{_KEY.upper()}/firstroom/secondroom",
        _ROOMS,
        {"result": "success"},
    ),
)

_MODES = (
    _row(
        "betterstack://token/firstteam/secondteam",
        ("firstteam", "secondteam"),
        name="betterstack-teams",
    ),
    _row(
        "fcm://project/firstdevice/%23secondtopic?mode=oauth2&keyfile={files}/account.json",
        ("firstdevice", "secondtopic"),
        {"name": "1"},
        ("token", {"access_token": "token", "expires_in": 3600}),
        name="fcm-oauth2",
    ),
    _row(
        "github://ghp_token@owner/repo/discussions/7",
        (),
        {"data": {"repository": {"discussion": {"id": "D_1"}}}},
        name="github-discussion",
    ),
    _row(
        "github://ghp_token@owner/repo/issues/7",
        (),
        {},
        status=201,
        name="github-comment",
    ),
    _row(
        "mobilemessage://user:secret@sender/61412345678/61487654321?batch=no",
        ("61412345678", "61487654321"),
        {"status": "complete", "results": [{"status": "success"}]},
        name="mobilemessage-each",
    ),
    _row("guilded://iiiiiiiiiiiiiiiiiiiiiiii/" + "t" * 64),
    _row(
        "jellyfins://user:secret@host.example",
        ("session1", "session2"),
        {},
        ("AuthenticateByName", {"User": {"Id": "user1"}, "AccessToken": "token"}),
        ("Sessions\\?", [{"Id": "session1"}, {"Id": "session2"}]),
    ),
    _row("kook://token?mode=webhook", (), {"code": 0}, name="kook-webhook"),
    _row(
        "lametrics://" + _UUID + "@host.example/?mode=device",
        (),
        {},
        status=201,
        name="lametric-device",
    ),
    _row(
        "mastodons://token@host.example/@first?visibility=direct",
        (),
        {"id": "1", "username": "me"},
        name="mastodon-direct",
    ),
    _row(
        "matrixs://user:secret@host.example/@friend:host.example?e2ee=no",
        (),
        {"event_id": "$1"},
        ("well-known", {}),
        (
            "login",
            {
                "access_token": "token",
                "home_server": "host.example",
                "user_id": "@user:host.example",
            },
        ),
        ("m\\.direct", {"@friend:host.example": ["!direct:host.example"]}),
        ("joined_rooms", {"joined_rooms": ["!direct:host.example"]}),
        ("logout", {}),
        name="matrix-direct",
    ),
    _row(
        "matrixs://token@host.example/!first:host.example/!second:host.example?e2ee=no",
        ("!first:", "!second:"),
        {"event_id": "$1"},
        ("well-known", {"m.homeserver": {"base_url": "https://home.example"}}),
        ("whoami", {"user_id": "@user:host.example"}),
        ("joined_rooms", {"joined_rooms": []}),
        ("join/.{0,4}first", {"room_id": "!first:host.example"}),
        ("join/.{0,4}second", {"room_id": "!second:host.example"}),
        name="matrix-token",
    ),
    _row(
        "matrixs://user:secret@host.example/!first:host.example/!second:host.example",
        ("!first:", "!second:"),
        {"event_id": "$1"},
        ("well-known", {}),
        (
            "login",
            {
                "access_token": "token",
                "home_server": "host.example",
                "user_id": "@user:host.example",
            },
        ),
        (
            "joined_rooms",
            {"joined_rooms": ["!first:host.example", "!second:host.example"]},
        ),
        ("m\\.room\\.encryption", Answer(said={"errcode": "M_NOT_FOUND"}, status=404)),
        ("logout", {}),
        name="matrix-default",
    ),
    _row(f"matrixs://user:{_KEY * 2}@host.example?mode=matrix", name="matrix-webhook"),
    _row(f"matrixs://user:{_KEY * 2}@host.example?mode=slack", name="matrix-slack"),
    _row(f"matrix://{_KEY * 2}?mode=t2bot", name="matrix-t2bot"),
    _row(
        "mmosts://team@host.example/3ccdd113474722377935511fc85d3dd4/?mode=bot&to=%23firstroom,%23secondroom",
        ("id1room", "id2room"),
        {},
        ("name/firstroom", {"id": "id1room"}),
        ("name/secondroom", {"id": "id2room"}),
        name="mmost-bot",
    ),
    _row(
        "nclouds://user:secret@host.example/%23group",
        ("firstuser", "seconduser"),
        {"ocs": {"data": {"users": ["firstuser", "seconduser"]}}},
        name="ncloud-group",
    ),
    _row(
        f"pover://{'u' * 30}@{'a' * 30}/%23{'g' * 30}/firstdevice",
        ("g" * 30, "firstdevice"),
        {"status": 1},
        name="pover-group",
    ),
    _row(
        f"pover://{'u' * 30}@{'a' * 30}/%23{'g' * 30}/firstdevice?key={'c' * 64}&e2ee=yes",
        ("g" * 30, "firstdevice"),
        {"status": 1},
        hidden="messages.json",
        name="pover-encrypted",
    ),
    _row(
        f"pushplus://{_KEY}/firstgroup/@friend",
        ("firstgroup", "friend"),
        {"code": 200},
        name="pushplus-friend",
    ),
    _row(
        "rockets://abcdef/abcdef@host.example/#firstroom/#secondroom",
        _ROOMS,
        {"success": True},
        name="rocket-webhook",
    ),
    _row(
        "spush://token/firsttopic/secondtopic",
        ("firsttopic", "secondtopic"),
        {"status": "OK"},
        name="spush-topics",
    ),
    _row(
        "slack://xoxb-1234-1234-abc124/first@mail.example/second@mail.example",
        ("u0first", "u0second"),
        {"ok": True, "message": ""},
        ("lookupByEmail.*first", {"ok": True, "user": {"id": "U0FIRST"}}),
        ("lookupByEmail.*second", {"ok": True, "user": {"id": "U0SECOND"}}),
        name="slack-mail",
    ),
    _row(
        "sns://ACCESSKEY/secret/us-west-2/firsttopic/secondtopic",
        ("firsttopic", "secondtopic"),
        b"<PublishResponse/>",
        (
            "\n.*Name=firsttopic",
            b"<R><TopicArn>arn:aws:sns:us-west-2:0:firsttopic</TopicArn></R>",
        ),
        (
            "\n.*Name=secondtopic",
            b"<R><TopicArn>arn:aws:sns:us-west-2:0:secondtopic</TopicArn></R>",
        ),
        name="sns-topics",
    ),
    _row(
        "strmlabs://IcIcArukDQtuC1is1X1UdKZjTg118Lag2vScOmso/?call=donations",
        name="strmlabs-donations",
    ),
    _row(
        f"threema://*THEGWID@secret/{_MAILS[0]}/{_PHONES[0]}",
        (_MAILS[0], _PHONES[0]),
        name="threema-mail",
    ),
    _row(
        "twist://secret:me@mail.example/general/random",
        ("1234512345", "6789067890"),
        {"token": "token", "default_workspace": 12},
        ("workspaces/get", [{"name": "team", "id": 12}]),
        (
            "channels/get",
            [
                {"name": "general", "id": 1234512345},
                {"name": "random", "id": 6789067890},
            ],
        ),
        name="twist-names",
    ),
    _row(
        "vapid://me@mail.example/first@mail.example/second@mail.example?keyfile={files}/vapid.pem&subfile={files}/subscriptions.json",
        ("push.example/first", "push.example/second"),
        b"",
        status=201,
        hidden="push\\.example/",
    ),
)
_BATCHES = {
    "atalk",
    "bulksms",
    "bulkvs",
    "burstsms",
    "clicksend",
    "cm",
    "d7sms",
    "dapnet",
    "exotel",
    "hassios",
    "kaleyra",
    "mailgun",
    "octopush",
    "onesignal",
    "plivo",
    "signals",
    "smseagles",
    "smsmgr",
    "smtp2go",
    "sparkpost",
}
_TOGETHER = tuple(
    replace(
        row,
        name=f"{row.name}-batch",
        url=f"{row.url}{'&' if '?' in row.url else '?'}batch=yes",
    )
    for row in _ROWS
    if row.name in _BATCHES
)
"""Services that take one request for several targets where the URL asks for it."""
_MAILING = {
    "acs",
    "brevo",
    "groundmail",
    "mailersend",
    "mailgun",
    "o365",
    "pingram",
    "postmark",
    "resend",
    "sendgrid",
    "sendpulse",
    "ses",
    "smtp2go",
    "sparkpost",
}
_COPIED = tuple(
    replace(
        row,
        name=f"{row.name}-copy",
        url=f"{row.url}{'&' if '?' in row.url else '?'}cc=third@mail.example&bcc=fourth@mail.example",
        targets=(*row.targets, "third@mail.example", "fourth@mail.example"),
    )
    for row in _ROWS
    if row.name in _MAILING
)
"""Services of mail, each of whose copies is a target."""
_EMPTY = tuple(
    replace(
        row,
        name=f"{row.name}-nobody",
        targets=(),
        others=(row.others[0], ("Sessions", Answer(said=[]))),
        nobody=True,
    )
    for row in (*_ROWS, *_MODES)
    if row.name in ("embys", "jellyfins")
)
_OWN = {"forms", "jsons", "xmls"}
_ALL = tuple(
    replace(row, own=row.name in _OWN)
    for row in (*_ROWS, *_MODES, *_TOGETHER, *_COPIED, *_EMPTY)
)
SERVICES = {row.name: row for row in _ALL}
assert len(SERVICES) == len(_ALL)
UNTRIED = {
    "NotifyNostr": "it publishes through WebSockets; its HTTP requests only look up names"
}
"""Plugins that make HTTP requests, none of which is a message."""
