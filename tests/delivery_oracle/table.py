"""Every service of apprise that speaks HTTP, with two or three targets where one URL can have several."""

from __future__ import annotations

from dataclasses import replace

from tests.delivery_oracle.service import Answer, Service

_KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
_UUID = "8b799edf-6f98-4d3a-9be7-2862fb4e5752"
_UUID2 = "9b799edf-6f98-4d3a-9be7-2862fb4e5752"
_TARGETS = {
    "{phones}": ("15550101234", "15550105678"),
    "{mails}": ("first@mail.example", "second@mail.example"),
    "{rooms}": ("firstroom", "secondroom"),
    "{numbers}": ("11111111", "22222222"),
}
"""What stands for two targets in a URL."""
_PHONES, _MAILS, _ROOMS, _NUMBERS = _TARGETS.values()
_YES = {
    "ok": True,
    "success": True,
    "sent": True,
    "status": "success",
    "result": "success",
    "code": 0,
    "errcode": 0,
    "id": "1",
    "requestId": "1",
    "token": "token",
    "access_token": "token",
    "token_type": "bearer",
    "expires_in": 3600,
    "scope": "*",
    "user_id": "@user:host.example",
    "home_server": "host.example",
    "joined_rooms": [],
}
"""What most services take for a success, to a login too."""


def _row(
    url: str,
    targets: tuple[str, ...] = (),
    taken: object = _YES,
    *others: tuple[str, object],
    status: int = 200,
    hidden: str = "",
    name: str = "",
) -> Service:
    """Return a service, which has the name of its URL's scheme, and those of the common targets that its URL names."""
    for word, both in _TARGETS.items():
        url = url.replace(word, "/".join(both))
    url = url.replace("{key}", _KEY)
    named = [both for both in _TARGETS.values() if all(one in url for one in both)]
    return Service(
        name=name or url.partition("://")[0],
        url=url,
        targets=targets or next(iter(named), ()),
        taken=Answer(said=taken, status=status),
        others=tuple(
            (pattern, said if isinstance(said, Answer) else Answer(said=said))
            for pattern, said in others
        ),
        hidden=hidden,
    )


_PLAIN = """
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
    dingtalk://aaaaaaaa/15550100000
    enigma2s://host.example
    feishu://abc123
    github://ghp_token@owner/repo
    groupme://68ca900a7d17f9b9891a73af2a
    ilert://key
    incidentio://ABC123/token
    lark://abcd-1234
    mastodons://token@host.example/@first/@second
    misskeys://token@host.example
    pagerduty://key@apikey
    pushdeer://abcdef
    qq://abc123def456ghi789jkl012mno345pq
    schan://12345678
    signl4://secret
    spush://token
    splunk://route@apikey
    squadcast://key
    synologys://host.example/token
    twitter://ckey/csecret/akey/asecret/?mode=tweet
    wechat://wwcorpid1234567890:abcSecret9@1000002/firstuser/seconduser
    wecombot://botkey
    workflows://host.example:443/workflow1a/signature
    xmatters://apikey@host.example/integration
    github-comment github://ghp_token@owner/repo/issues/7
    guilded://iiiiiiiiiiiiiiiiiiiiiiii/tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt
    kook-webhook kook://token?mode=webhook
    lametric-device lametrics://8b799edf-6f98-4d3a-9be7-2862fb4e5752@host.example/?mode=device
    mastodon-direct mastodons://token@host.example/@first?visibility=direct
    matrix-webhook matrixs://user:{key}{key}@host.example?mode=matrix
    matrix-slack matrixs://user:{key}{key}@host.example?mode=slack
    matrix-t2bot matrix://{key}{key}?mode=t2bot
    strmlabs-donations strmlabs://IcIcArukDQtuC1is1X1UdKZjTg118Lag2vScOmso/?call=donations
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
    msgbird://aaaaaaaaaaaaaaaaaaaaaaaaa/15550100000/{phones}
    msg91://tttttttttttttttttttt@aaaaaaaaaaaaaaaaaaaaaaa/{phones}
    notifyre://abcdef1234567890/{phones}
    plivo://aaaaaaaaaaaaaaaaaaaaaaaaa@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/15550100000/{phones}
    ringc://15550100000:secret@client/secret/{phones}
    serwersms://user:secret@sender/{phones}
    seven://apikey/{phones}
    sfr://user:secret@000/{phones}
    signals://host.example/15550100000/{phones}
    sinch://{key}:{key}@15550100000/{phones}
    smsc://login:secret@{phones}
    twilio://AC{key}:{key}@15550100000/{phones}
    vonage://apikey:secret@15550100000/{phones}
    brevo://abcd:me@mail.example/{mails}
    groundmail://abcd:me@mail.example/{mails}
    mailgun://me@mail.example/{key}-bbbbbbbb-cccccccc/{mails}
    postmark://abcd:me@mail.example/{mails}
    resend://abcd:me@mail.example/{mails}
    acs://me@mail.example/YWNjZXNza2V5/acs.example/{mails}
    mailersend://abcd:me@mail.example/{mails}
    o365://me@mail.example/tenant/ab-cd-ef-gh/secret/{mails}
    pingram://pingram_sk_abc123/id1/first@mail.example/id2/second@mail.example
    sendgrid://abcd:me@mail.example/{mails}
    sendpulse://me@mail.example/client/secret/{mails}
    ses://me@mail.example/ACCESSKEY/secret/us-west-2/{mails}
    smtp2go://me@mail.example/{key}/{mails}
    sparkpost://me@mail.example/{key}/{mails}
    cliq://1000.abcdef.abcdef/{rooms}
    pushed://{key}/{key}{key}/#firstroom/@secondroom
    revolt://iiiiiiiiiiiiiiiiiiiiiiii/{rooms}
    sessions://bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@host.example/{rooms}
    trigvs://trgv_a1b2c3d4_{key}/{rooms}
    barks://host.example/{rooms}
    fcm://apikey/{rooms}
    gorushs://host.example/{rooms}?platform=android
    ifttt://WebHookID/{rooms}
    line://token/{rooms}
    mmosts://host.example/3ccdd113474722377935511fc85d3dd4/?to=firstroom,secondroom
    nclouds://user:secret@host.example/{rooms}
    nctalks://user:secret@host.example/{rooms}
    ntfys://host.example/{rooms}
    onesignal://app@apikey/{rooms}
    pbul://{key}/firstroom/#secondroom
    pover://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/{rooms}
    pushy://apikey/{rooms}
    rockets://user:secret@host.example/#firstroom/@secondroom
        slack-bot slack://xoxb-1234-1234-abc124/#firstroom/#secondroom
    wpush://WPUSHaaaaaaaaaaaaaaaaaaaaaaaaaaa/{rooms}
    zalo://123456:abcdef/{rooms}
    zulip://bot@organization/A1B2C3D4E5F60718293A4B5C6D7E8F90/{rooms}
    betterstack-teams betterstack://token/{rooms}
    rocket-webhook rockets://abcdef/abcdef@host.example/#firstroom/#secondroom
    spush-topics spush://token/{rooms}
    kakaotalk://clientid/refresh/{rooms}
    reddit://user:secret@app/secret/{rooms}
    fcm-oauth2 fcm://project/firstroom/%23secondroom?mode=oauth2&keyfile={files}/account.json
    bale://123456789:abcdefg/{numbers}
    flock://iiiiiiiiiiiiiiiiiiiiiiii/u:firstroom/g:secondroom
    humhubs://token@host.example/{numbers}
    instagram://token/{numbers}
    kook://token/{numbers}
    notifiarr://apikey/{numbers}
    onebots://token@host.example/@11111111/%2322222222
    tgram://123456789:abcdefg_hijklmnop/{numbers}
    twist://secret:me@mail.example/12:11111111/12:22222222
    jira://apikey/#first/@second
    opsgenie://apikey/#first/@second
    whapi://token/{phones}
"""
"""URLs of services that take the common answer; before one stands the service's name where it is not the scheme."""
_FIRST = ("join/.{0,4}first", {"room_id": "!first:host.example"})
_SECOND = ("join/.{0,4}second", {"room_id": "!second:host.example"})
_HOME: tuple[str, object] = ("well-known", {})
_BOTH_ROOMS = ("!first:", "!second:")
_LOGIN = ("AuthenticateByName", {"User": {"Id": "user1"}, "AccessToken": "token"})
_SESSIONS = ("Sessions\\?", [{"Id": "session1"}, {"Id": "session2"}])
_SCREENS = tuple(
    _row(
        f"{scheme}://user:secret@host.example",
        ("session1", "session2"),
        {},
        _LOGIN,
        _SESSIONS,
    )
    for scheme in ("embys", "jellyfins")
)
_TWICE = "mobilemessage://user:secret@sender/61412345678/61487654321"
_ROWS = (
    *(
        _row(url, name="".join(name))
        for *name, url in map(str.split, _PLAIN.strip().splitlines())
    ),
    *_SCREENS,
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
    _row(f"goalerts://host.example/{_UUID}/{_UUID2}", (_UUID, _UUID2)),
    _row(
        "hassios://host.example/notify.first/notify.second?token=token",
        ("notify/first", "notify/second"),
    ),
    _row(f"join://{_KEY}/{'d' * 32}/{'e' * 32}", ("d" * 32, "e" * 32)),
    _row("lfg://{key}", (), {"fired": True, "devices": 1}, hidden="/horn/"),
    _row(
        "matrixs://user:secret@host.example/#first/#second?e2ee=no",
        _BOTH_ROOMS,
        _YES,
        _HOME,
        _FIRST,
        _SECOND,
    ),
    _row(
        _TWICE,
        ("61412345678", "61487654321"),
        {"status": "complete", "results": [{"status": "success"}] * 2},
    ),
    _row("octopush://me@mail.example/apikey/{phones}", status=201),
    _row("pushme://abcdef", (), b"success"),
    _row("pushplus://{key}/{rooms}", (), {"code": 200}),
    _row("psafers://" + "f" * 20 + "/11111/22222", ("11111", "22222"), {"status": 1}),
    _row(
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#firstroom/#secondroom",
        (),
        b"ok",
    ),
    _row(
        "smseagles://token@host.example/{phones}",
        (),
        {"result": {"message_id": "1", "status": "ok"}},
    ),
    _row("signalgrid://clientkey/{rooms}", (), {}),
    _row("spugpush://abc123def456ghi789jkl012mno345pq", (), {"code": 200}),
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
    _row("viber://token/{rooms}", (), {"status": 0}),
    _row(
        "voipms://secret:me@mail.example/15550100000/{phones}",
        ("5550101234", "5550105678"),
    ),
    _row(
        f"wxteams://{'Bc10' * 25}/firstroom1/secondroom",
        ("firstroom1", "secondroom"),
        name="wxteams-bot",
    ),
    _row("wxpusher://AT_appid/UID_first/UID_second", (), {"code": 1000}),
    _row(
        "github://ghp_token@owner/repo/discussions/7",
        (),
        {"data": {"repository": {"discussion": {"id": "D_1"}}}},
        name="github-discussion",
    ),
    _row(
        f"{_TWICE}?batch=no",
        ("61412345678", "61487654321"),
        {"status": "complete", "results": [{"status": "success"}]},
        name="mobilemessage-each",
    ),
    _row(
        "matrixs://user:secret@host.example/@friend:host.example?e2ee=no",
        (),
        _YES,
        _HOME,
        ("m\\.direct", {"@friend:host.example": ["!direct:host.example"]}),
        ("joined_rooms", {"joined_rooms": ["!direct:host.example"]}),
        name="matrix-direct",
    ),
    _row(
        "matrixs://token@host.example/!first:host.example/!second:host.example?e2ee=no",
        _BOTH_ROOMS,
        _YES,
        ("well-known", {"m.homeserver": {"base_url": "https://home.example"}}),
        _FIRST,
        _SECOND,
        name="matrix-token",
    ),
    _row(
        "matrixs://user:secret@host.example/!first:host.example/!second:host.example",
        _BOTH_ROOMS,
        _YES,
        _HOME,
        ("m\\.room\\.encryption", Answer(said={"errcode": "M_NOT_FOUND"}, status=404)),
        _FIRST,
        _SECOND,
        name="matrix-default",
    ),
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
    *(
        _row(
            f"pover://{'u' * 30}@{'a' * 30}/%23{'g' * 30}/firstdevice{query}",
            ("g" * 30, "firstdevice"),
            hidden=hidden,
            name=name,
        )
        for name, query, hidden in (
            ("pover-group", "", ""),
            ("pover-encrypted", f"?key={'c' * 64}&e2ee=yes", "messages.json"),
        )
    ),
    _row(
        "pushplus://{key}/firstgroup/@friend",
        ("firstgroup", "friend"),
        {"code": 200},
        name="pushplus-friend",
    ),
    _row(
        f"slack://xoxb-1234-1234-abc124/{'/'.join(_MAILS)}",
        ("u0first", "u0second"),
        _YES,
        ("lookupByEmail.*first", {"ok": True, "user": {"id": "U0FIRST"}}),
        ("lookupByEmail.*second", {"ok": True, "user": {"id": "U0SECOND"}}),
        name="slack-mail",
    ),
    _row(
        "sns://ACCESSKEY/secret/us-west-2/firsttopic/secondtopic",
        ("firsttopic", "secondtopic"),
        _YES,
        *(
            (
                f"\n.*Name={name}",
                f"<R><TopicArn>arn:aws:sns:us-west-2:0:{name}</TopicArn></R>".encode(),
            )
            for name in ("firsttopic", "secondtopic")
        ),
        name="sns-topics",
    ),
    _row(
        f"threema://*THEGWID@secret/{_MAILS[0]}/{_PHONES[0]}",
        (_MAILS[0], _PHONES[0]),
        name="threema-mail",
    ),
    _row(
        "twist://secret:me@mail.example/general/random",
        _NUMBERS,
        {"token": "token", "default_workspace": 12},
        ("workspaces/get", [{"name": "team", "id": 12}]),
        (
            "channels/get",
            [
                {"name": "general", "id": 11111111},
                {"name": "random", "id": 22222222},
            ],
        ),
        name="twist-names",
    ),
    _row(
        "vapid://me@mail.example/{mails}?keyfile={files}/vapid.pem&subfile={files}/subscriptions.json",
        ("push.example/first", "push.example/second"),
        hidden="push\\.example/",
    ),
)


def _asking(row: Service, what: str, query: str, *more: str) -> Service:
    """Return a service with a longer query, and with more targets."""
    return replace(
        row,
        name=f"{row.name}-{what}",
        url=f"{row.url}{'&' if '?' in row.url else '?'}{query}",
        targets=(*row.targets, *more),
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
"""Services that take one request for several targets where the URL asks for it."""
_COPIES = ("third@mail.example", "fourth@mail.example")
"""Each of a mail's is a target."""
_ALL = (
    *(replace(row, own=row.name in ("forms", "jsons", "xmls")) for row in _ROWS),
    *(_asking(row, "batch", "batch=yes") for row in _ROWS if row.name in _BATCHES),
    *(
        _asking(row, "copy", "cc={}&bcc={}".format(*_COPIES), *_COPIES)
        for row in _ROWS
        if row.targets == _MAILS
    ),
    *(
        replace(
            row,
            name=f"{row.name}-nobody",
            targets=(),
            others=(row.others[0], ("Sessions", Answer(said=[]))),
            nobody=True,
        )
        for row in _SCREENS
    ),
)
SERVICES = {row.name: row for row in _ALL}
assert len(SERVICES) == len(_ALL)
UNTRIED = {
    "NotifyNostr": "it publishes through WebSockets; its HTTP requests only look up names"
}
"""Plugins that make HTTP requests, none of which is a message."""
