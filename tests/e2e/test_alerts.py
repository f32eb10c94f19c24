"""Alerts: what a run came to is told to people, once, also after a kill and past servers that fail, refuse, hang or lie."""
import email
import email.policy
import hashlib
import hmac
import json
import os
import pathlib
import queue
import signal
import ssl
import subprocess
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from conftest import free_port
from receivers import Hook, certificate, hook  # noqa: F401
from test_serve import Service

BAD = "select id, nope from raw.orders"
GOOD = "select id, amount from raw.orders"


def settings(project, alerts):
    project.write("sluice.yml", "name: shop\nchecks: {requirements: off}\nretry: {attempts: 1}\n" + alerts)


def make(project, alerts, model=GOOD, rows=2):
    settings(project, alerts)
    project.write("sources/orders.yml", "path: data/*.csv\nowner: sales\n")
    project.write("models/revenue.sql", f"/* sluice\nowner: finance-data\n*/\n{model}")
    project.write("data/1.csv", "id,amount\n" + "".join(f"{i},2\n" for i in range(rows)))
    return project


def break_model(project, model=BAD):
    project.write("models/revenue.sql", f"/* sluice\nowner: finance-data\n*/\n{model}")


def to(hook, more=""):
    return f"alerts:\n  channels:\n    hook: {{webhook: '{hook.url}'}}\n{more}"


def alerts(project, *arguments):
    return project.json("alerts", "ls", *arguments)


def test_a_failure_is_told_once_and_its_end_once(project, hook):
    make(project, to(hook), BAD)
    project.run("run", exit_code=None)
    [document] = hook.all()
    assert document["schema"] == "sluice.alert/1" and document["event"] == "raised" and document["project"] == "shop"
    alert = document["alert"]
    assert (alert["kind"], alert["subject"], alert["owner"], alert["code"]) == ("failure", "curated.revenue", "finance-data", "SL0112")
    assert "nope" in alert["summary"] and alert["run_id"]
    project.run("run", exit_code=None)
    project.run("retry", exit_code=None)
    assert hook.all() == []
    assert alerts(project)["alerts"][0]["times"] == 3
    assert "curated.revenue failed" in project.run("alerts").stdout
    break_model(project, GOOD)
    project.run("run")
    [document] = hook.all()
    assert document["event"] == "resolved" and document["alert"]["id"] == alert["id"]
    assert "curated.revenue is well again after" in document["alert"]["summary"] and document["alert"]["closed_at"]
    project.run("run")
    assert hook.all() == []
    assert alerts(project)["alerts"] == []
    [over] = alerts(project, "--all")["alerts"]
    assert over["closed_at"] and "nope" in over["summary"]


def test_without_alerts_nothing_is_kept(project):
    make(project, "", BAD)
    project.run("run", exit_code=None)
    assert not (project.folder / ".sluice" / "alerts.db").exists()
    assert "nobody is told" in project.run("alerts").stderr


def test_routes_choose_by_kind_owner_and_subject(project, hook):
    other = Hook()
    try:
        make(project, f"""alerts:
  channels:
    finance: {{webhook: '{hook.url}'}}
    ops: {{webhook: '{other.url}'}}
  routes:
    - {{on: [failure, sla], owner: "finance-*", to: [finance]}}
    - {{to: [ops]}}
""", BAD)
        project.write("models/other.sql", "select nix from raw.orders")
        project.run("run", exit_code=None)
        assert hook.events() == [("raised", "failure", "curated.revenue")]
        assert other.events() == [("raised", "failure", "curated.other")]
    finally:
        other.close()


def test_a_kill_between_run_and_delivery_loses_nothing(project, hook):
    make(project, to(hook), BAD)
    hook.answers = ["hang"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    run = subprocess.Popen([project.binary, "run"], cwd=project.folder, env=environment, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, headers, body, _ = hook.got.get(timeout=120)  # it is being sent: the run is over, and nobody has answered
    run.send_signal(signal.SIGKILL)
    run.wait(60)
    assert [m["attempts"] for m in alerts(project)["unsent"]] == [0]
    break_model(project, GOOD)
    project.run("plan")  # whatever does not run does not send
    assert hook.got.empty()
    project.run("alerts", "send")
    _, again, same, _ = hook.got.get(timeout=10)
    assert same == body and again["Idempotency-Key"] == headers["Idempotency-Key"] == json.loads(body)["id"]
    assert alerts(project)["unsent"] == []


def test_the_next_run_sends_what_is_due(project, hook):
    make(project, to(hook), BAD)
    hook.answers = [(429, {"Retry-After": "0"}, b"slow down")]
    project.run("run", exit_code=None)
    [message] = alerts(project)["unsent"]
    assert message["attempts"] == 1 and "429" in message["error"] and "slow down" in message["error"]
    hook.all()
    project.run("alerts", "send")
    assert hook.events() == [("raised", "failure", "curated.revenue")]


def test_a_server_says_when_to_come_back(project, hook):
    make(project, to(hook), BAD)
    hook.answers = [(503, {"Retry-After": "3000"}, b"")]
    project.run("run", exit_code=None)
    [message] = alerts(project)["unsent"]
    hook.all()
    begins, next_at = (time.mktime(time.strptime(message[key][:19], "%Y-%m-%dT%H:%M:%S")) for key in ("created_at", "next_at"))
    assert 2990 <= next_at - begins <= 3100
    project.run("run", exit_code=None)  # not due
    project.run("alerts", "send", "--due")
    assert hook.all() == []


def test_a_dead_endpoint_delays_a_run_by_its_bound_only(project, hook):
    other = Hook()
    try:
        make(project, f"alerts: {{channels: {{a: {{webhook: '{hook.url}'}}, b: {{webhook: '{other.url}'}}}}}}\n", BAD)
        hook.answers = ["hang"]
        begin = time.monotonic()
        done = project.run("run", exit_code=None)
        assert 4.5 < time.monotonic() - begin < 15
        assert "could not be sent" in done.stderr
        assert other.events() == [("raised", "failure", "curated.revenue")]  # it does not wait for the other one
        [message] = alerts(project)["unsent"]
        assert message["channel"] == "a" and "no answer in time" in message["error"]
    finally:
        other.close()


def test_messages_of_an_alert_keep_their_order(project, hook):
    make(project, to(hook), BAD)
    hook.answers = [500]
    project.run("run", exit_code=None)
    hook.all()
    settings(project, to(hook))
    break_model(project, GOOD)
    hook.answers = [500]
    project.run("run")
    assert [m["event"] for m in alerts(project)["unsent"]] == ["raised", "resolved"]
    hook.all()
    hook.answers = []
    project.run("alerts", "send")
    assert [event for event, _, _ in hook.events()] == ["raised", "resolved"]


def test_what_cannot_be_sent_is_given_up_and_told(project, hook):
    make(project, to(hook, "  give_up_after: 1s\n"), BAD)
    hook.answers = [(404, {}, b"no_service")]
    project.run("run", exit_code=None)
    [message] = alerts(project)["unsent"]
    assert message["given_up_at"] and "404" in message["error"]
    assert "given up" in project.run("alerts").stdout
    hook.all()
    assert project.json("alerts", "send")["sent"] == 0
    assert project.json("alerts", "send", "--dead")["sent"] == 1
    assert hook.events() == [("raised", "failure", "curated.revenue")]


def test_a_silence_holds_and_what_is_still_wrong_is_told_after_it(project, hook):
    make(project, to(hook), BAD)
    project.run("alerts", "silence", "failure curated.*", "--for", "2h", "--why", "the model is being rewritten", "--by", "ada")
    project.run("run", exit_code=None)
    assert hook.all() == []
    listed = alerts(project)
    assert listed["silences"][0]["why"] == "the model is being rewritten" and listed["silences"][0]["by"] == "ada"
    assert listed["alerts"][0]["told_at"] is None
    project.run("alerts", "silence", "failure curated.*", "--end")
    project.run("run", exit_code=None)
    assert hook.events() == [("raised", "failure", "curated.revenue")]
    assert "--why is missing" in project.run("alerts", "silence", "lag", "--for", "1h", exit_code=None).stderr
    assert "not silenced" in project.run("alerts", "silence", "lag", "--end", exit_code=None).stderr
    for nothing in ("bogus", "quarantine", "failure bogus", "raw.nix*"):
        refused = project.run("alerts", "silence", nothing, "--for", "1h", "--why", "moving", exit_code=1).stderr
        assert f"'{nothing}' silences nothing" in refused and "kinds are failure, sla, row_drop, quarantine_share, schema_change, lag;" in refused
    for kind in ("failure", "sla", "row_drop", "quarantine_share", "schema_change", "lag"):
        project.run("alerts", "silence", kind, "--for", "1h", "--why", "moving")
    project.run("alerts", "silence", "curated.*", "--for", "1h", "--why", "moving")


def test_a_webhook_is_signed_and_has_its_headers(project, hook):
    make(project, f"""alerts:
  channels:
    hook: {{webhook: '{hook.url}', secret: "${{env:HOOK_SECRET}}", headers: {{Authorization: "Bearer ${{env:TOKEN}}"}}}}
""", BAD)
    env = {"HOOK_SECRET": "a secret of ours", "TOKEN": "token-4711"}
    done = project.run("run", exit_code=None, env=env)
    _, headers, body, _ = hook.got.get(timeout=10)
    assert headers["Authorization"] == "Bearer token-4711" and headers["Content-Type"] == "application/json"
    digest = hmac.new(b"a secret of ours", body, hashlib.sha256).hexdigest()
    assert headers["X-Sluice-Signature-256"] == f"sha256={digest}"
    shown = project.run("config", "show", env=env).stdout
    assert "token-4711" not in done.stdout + done.stderr + shown


def test_urls_are_secrets(project, hook):
    path = "/services/T000/B000/verysecretpart"
    make(project, "alerts: {channels: {ops: {slack: 'http://127.0.0.1:%d%s'}}}\n" % (hook.port, path), BAD)
    hook.answers = [(403, {}, b"who is " + path.encode())]
    said = project.run("alerts", "test", "ops", exit_code=1)
    hook.answers = [500]
    run = project.run("run", exit_code=None)
    listed = project.run("alerts").stdout + project.run("config", "show").stdout + project.run("alerts", "ls", "--json").stdout
    hook.close()
    gone = project.run("alerts", "test", "ops", exit_code=1)
    assert "SL0831" in said.stderr and "403" in said.stderr
    everything = said.stdout + said.stderr + run.stdout + run.stderr + listed + gone.stdout + gone.stderr
    assert "verysecretpart" not in everything
    for file in (project.folder / ".sluice").rglob("*"):
        assert not file.is_file() or b"verysecretpart" not in file.read_bytes(), file


def test_a_test_message_tells_what_the_server_says(project, hook):
    make(project, to(hook))
    assert "HTTP 200: ok" in project.run("alerts", "test", "hook").stdout
    assert [d["event"] for d in hook.all()] == ["test"]
    done = project.run("alerts", "test", "hock", exit_code=None)
    assert "SL0830" in done.stderr and "did you mean 'hook'" in done.stderr


def test_https_needs_a_certificate_that_is_trusted(project, certificate):
    server = Hook(certificate)
    try:
        make(project, f"alerts: {{channels: {{hook: {{webhook: '{server.url}'}}}}}}\n")
        refused = project.run("alerts", "test", "hook", exit_code=1)
        assert "certificate" in refused.stderr and server.got.empty()
        make(project, f"alerts: {{channels: {{hook: {{webhook: '{server.url}', ca_file: '{certificate[0]}'}}}}}}\n")
        project.run("alerts", "test", "hook")
    finally:
        server.close()


# --- kinds


def test_a_drop_of_rows_is_told_and_its_end(project, hook):
    make(project, to(hook, "  when: {row_drop: 50%}\n"), rows=100)
    for rows in (101, 102, 103):
        project.run("run")
        project.write("data/1.csv", "id,amount\n" + "".join(f"{i},2\n" for i in range(rows)))
    project.run("run")
    assert hook.all() == []
    project.write("data/1.csv", "id,amount\n1,2\n")
    project.run("run")
    documents = hook.all()
    assert {(d["event"], d["alert"]["subject"]) for d in documents} == {("raised", "raw.orders"), ("raised", "curated.revenue")}
    assert any("curated.revenue: 1 rows, 99 % fewer than the 101 that are usual" in d["alert"]["summary"] for d in documents)
    project.write("data/1.csv", "id,amount\n" + "".join(f"{i},2\n" for i in range(104)))
    project.run("run")
    assert {event for event, _, _ in hook.events()} == {"resolved"}


def test_columns_that_change_are_told_once(project, hook):
    make(project, to(hook))
    project.run("run")
    assert hook.all() == []
    break_model(project, "select id::bigint as id, 1.5 as tax from raw.orders")
    project.run("run")
    [document] = hook.all()
    assert (document["alert"]["kind"], document["alert"]["subject"]) == ("schema_change", "curated.revenue")
    summary = document["alert"]["summary"]
    assert "id is long and was string" in summary and "new tax" in summary and "gone amount" in summary
    break_model(project, "select id::bigint as id, 2.5 as tax from raw.orders")
    project.run("run")
    assert hook.all() == [] and alerts(project)["alerts"] == []


def test_too_many_rejected_rows_are_told(own_shop, hook):
    project = own_shop
    text = (project.folder / "sluice.yml").read_text()
    project.write("sluice.yml", text + "\n" + to(hook, "  tables: {clean.orders: {quarantine_share: 1%}}\n"))
    project.write("data/orders-2026-03-09.csv", (project.folder / "data/orders-2026-03-03.csv").read_text().replace("200", "300"))
    project.run("run", exit_code=None)
    assert ("raised", "quarantine_share", "clean.orders") in hook.events()


def test_a_table_that_is_too_old_is_told_by_a_run_with_nothing_to_do(project, hook):
    make(project, to(hook))
    project.write("models/revenue.sql", f"/* sluice\nfreshness: 2h\n*/\n{GOOD}")
    project.run("run", env={"SLUICE_CLOCK": "2026-03-01T00:00:00Z"})
    assert hook.all() == []
    project.run("run", env={"SLUICE_CLOCK": "2099-03-01T00:00:00Z"})
    [document] = hook.all()
    assert document["alert"]["kind"] == "sla" and "curated.revenue is" in document["alert"]["summary"]


def test_a_table_that_stays_behind_its_input_is_told(project, hook):
    make(project, to(hook, "  when: {lag: 10m}\n"))
    project.run("run", env={"SLUICE_CLOCK": "2026-03-01T00:00:00Z"})
    project.write("data/2.csv", "id,amount\n7,8\n")
    project.run("run", "--select", "raw.orders", env={"SLUICE_CLOCK": "2026-03-02T00:00:00Z"})
    assert hook.all() == []
    project.run("run", "--select", "raw.orders", env={"SLUICE_CLOCK": "2026-03-02T00:12:00Z"})
    [document] = hook.all()
    assert document["alert"]["summary"] == "curated.revenue has been behind raw.orders for 12 min"
    project.run("run", env={"SLUICE_CLOCK": "2026-03-02T00:13:00Z"})
    [document] = hook.all()
    assert (document["event"], document["alert"]["kind"]) == ("resolved", "lag")


def test_a_run_behind_its_deadline_is_one_alert(project, hook):
    make(project, to(hook) + "deadline: 1s\n",
         "select count(*) as n from range(600000) a, range(600000) b where (a.range * b.range) % 7 = 3")
    project.run("run", exit_code=None)
    assert hook.events() == [("raised", "sla", "shop")]


def test_a_run_that_cannot_be_made_is_told(project, hook):
    make(project, to(hook))
    project.run("run")
    project.write("contracts/orders.odcs.yml", "apiVersion: v3.1.0\nkind: DataContract\nid: o\nname: o\nversion: 1.0.0\nstatus: active\n"
                  "schema:\n  - name: orders\n    properties:\n      - {name: id, logicalType: string, classification: restricted}\n"
                  "      - {name: amount, logicalType: string}\n")
    project.write("models/leak.sql", "select id from clean.orders")
    done = project.run("run", exit_code=None)
    assert done.returncode != 0
    assert ("raised", "failure", "shop") in hook.events(), done.stderr


# --- mail


def test_what_has_left_the_project_is_wrong_no_more(project, hook):
    make(project, to(hook), BAD)
    project.run("run", exit_code=None)
    [raised] = hook.all()
    (project.folder / "models" / "revenue.sql").unlink()
    project.run("run", exit_code=None)
    [document] = hook.all()
    assert document["event"] == "resolved" and document["alert"]["id"] == raised["alert"]["id"]
    assert document["alert"]["summary"].startswith("curated.revenue is no longer in the project: its alert (failure) is closed after")
    assert alerts(project)["alerts"] == []
    project.run("run", exit_code=None)
    assert hook.all() == []


def test_a_pipeline_that_has_left_the_project_is_wrong_no_more(project, hook):
    make(project, to(hook))
    project.write("models/slow.sql", "select count(*) as n from range(400000000) a, range(3) b, raw.orders where a.range % 7 = 1")
    project.write("pipelines/all.yml", "description: Everything\n")
    project.write("pipelines/late.yml", "select: [curated.slow+]\ndeadline: 1s\n")
    with Service(project) as service:
        project.run("trigger", "all")
        service.wait_for("ended: ok")
        project.write("data/2.csv", "id,amount\n7,2\n")
        project.write("models/slow.sql", "select count(*) as n from range(4000000000) a, range(3) b, raw.orders where a.range % 7 = 1")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        run = project.json("trigger", "late")["run_id"]
        _, _, body, _ = hook.got.get(timeout=120)
        raised = json.loads(body)
        assert (raised["event"], raised["alert"]["kind"], raised["alert"]["subject"]) == ("raised", "sla", "late")
        project.run("cancel", run)
        (project.folder / "pipelines" / "late.yml").unlink()
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        while True:
            _, _, body, _ = hook.got.get(timeout=120)
            document = json.loads(body)
            if document["alert"]["subject"] == "late":
                break
        assert document["event"] == "resolved" and "late is no longer in the project" in document["alert"]["summary"]
        assert service.end() == 0


def test_a_late_run_of_a_pipeline_is_told_to_its_owner_and_over_with_one_in_time(project, hook):
    other = Hook()
    try:
        make(project, f"""alerts:
  channels:
    finance: {{webhook: '{hook.url}'}}
    ops: {{webhook: '{other.url}'}}
  routes:
    - {{owner: "finance-*", to: [finance]}}
    - {{to: [ops]}}
""")
        project.write("tasks/wait.yml", "when: always\ncommand: while test -e wait; do sleep 0.1; done\n")
        project.write("pipelines/late.yml", "select: [task.wait]\nowner: finance-night\ndeadline: 1s\n")
        project.write("wait", "")
        with Service(project) as service:
            for _ in range(2):  # the second one is no other alert
                project.write("wait", "")
                run = project.json("trigger", "late")["run_id"]
                service.wait_for("the run is late")
                (project.folder / "wait").unlink()
                assert project.run("logs", "-f", run).returncode == 0
            [alert] = alerts(project)["alerts"]
            assert (alert["subject"], alert["owner"], alert["times"]) == ("late", "finance-night", 2)
            project.run("trigger", "late", "--wait")
            told = [json.loads(hook.got.get(timeout=120)[2]) for _ in range(2)]
            assert service.end() == 0
        assert [document["event"] for document in told] == ["raised", "resolved"]
        assert told[0]["alert"]["summary"] == "the run of late took longer than its deadline of 1 s"
        assert hook.all() == [] and other.all() == []
    finally:
        other.close()


def test_the_service_tries_again_when_a_message_is_due_and_not_a_minute_later(project, hook):
    make(project, to(hook), BAD)
    hook.answers = [(503, {"Retry-After": "1"}, b"")]
    with Service(project) as service:
        project.run("trigger", "shop")
        hook.got.get(timeout=120)
        refused = time.monotonic()
        hook.got.get(timeout=120)
        assert time.monotonic() - refused < 45
        assert service.end() == 0


def test_a_sender_that_does_not_end_with_the_service_is_killed(project, hook):
    make(project, to(hook), BAD)
    hook.answers = ["hang"]
    with Service(project) as service:
        project.run("trigger", "shop")
        hook.got.get(timeout=120)
        children = pathlib.Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
        [sender] = [int(pid) for pid in children if b"alerts" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(sender, signal.SIGSTOP)  # SIGTERM has to wait
        project.write("models/more.sql", GOOD)
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("was read anew")
        assert service.end() == 0  # with the address sanitizer also: nothing has leaked
    assert not pathlib.Path(f"/proc/{sender}").exists() or "State:\tZ" in pathlib.Path(f"/proc/{sender}/status").read_text()


class Mailbox:
    """A mail server that keeps what it gets: over TLS from the first byte, after STARTTLS, or plain."""

    def __init__(self, host, kind, certificate):
        self.got = queue.Queue()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

        def authenticate(server, session, envelope, mechanism, data):
            return AuthResult(success=(data.login, data.password) == (b"sluice", b"mail-password"))

        login = {"authenticator": authenticate, "auth_required": True}
        options = {"smtps": {"ssl_context": context, "auth_require_tls": False, **login},
                   "starttls": {"tls_context": context, "require_starttls": True, **login}, "plain": {}}[kind]
        self.port = free_port()
        self.controller = Controller(self, hostname=host, port=self.port, **options)
        self.controller.start()

    async def handle_DATA(self, server, session, envelope):
        self.got.put((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 taken"

    def close(self):
        self.controller.stop()


@pytest.fixture
def mailbox(certificate):
    made = []

    def make_one(host, kind):
        made.append(Mailbox(host, kind, certificate))
        return made[-1]

    yield make_one
    for box in made:
        box.close()


def mail(url, more="", login=True):
    user = ', user: sluice, password: "${env:MAIL_PASSWORD}"' if login else ""
    return (f"alerts:\n  channels:\n    mail:\n      email: {{to: [data@shop.example, ops@shop.example], "
            f"from: sluice@shop.example, smtp: '{url}'{user}}}\n{more}")


# 127.0.0.2 stands for another machine: only what is written 127.0.0.1 or localhost may be spoken to without TLS.
@pytest.mark.parametrize("host, kind, scheme", [("127.0.0.1", "smtps", "smtps"), ("127.0.0.2", "starttls", "smtp")])
def test_mail_goes_over_tls_to_a_server_that_is_known(project, mailbox, certificate, host, kind, scheme):
    box = mailbox(host, kind)
    url = f"{scheme}://{host}:{box.port}"
    env = {"MAIL_PASSWORD": "mail-password"}
    make(project, mail(url), BAD)
    refused = project.run("alerts", "test", "mail", exit_code=1, env=env)
    assert "SL0831" in refused.stderr and "certificate" in refused.stderr and box.got.empty()
    make(project, mail(url, f"      ca_file: '{certificate[0]}'\n"), BAD)
    done = project.run("run", exit_code=None, env=env)
    assert "could not be sent" not in done.stderr, project.run("alerts", env=env).stdout
    sender, receivers, content = box.got.get(timeout=10)
    assert sender == "sluice@shop.example" and receivers == ["data@shop.example", "ops@shop.example"]
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["Subject"].startswith("[shop] curated.revenue failed: ") and message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@sluice>") and message["Date"].datetime
    assert "owner: finance-data" in message.get_content() and "SL0112" in message.get_content()
    wrong = project.run("alerts", "test", "mail", exit_code=1, env={"MAIL_PASSWORD": "another-one"})
    assert "another-one" not in wrong.stderr and "SL0831" in wrong.stderr and box.got.empty()


def test_mail_does_not_leave_the_machine_in_the_clear(project, mailbox):
    box = mailbox("127.0.0.2", "plain")
    make(project, mail(f"smtp://127.0.0.2:{box.port}", login=False))
    refused = project.run("alerts", "test", "mail", exit_code=1)
    assert "SL0831" in refused.stderr and box.got.empty()


def test_a_relay_on_this_machine_needs_no_tls(project, mailbox):
    box = mailbox("127.0.0.1", "plain")
    make(project, mail(f"smtp://127.0.0.1:{box.port}", login=False))
    assert "250" in project.run("alerts", "test", "mail").stdout
    assert not box.got.empty()


# --- sluice.yml


@pytest.mark.parametrize("text, what", [
    ("channels: {ops: {}}", "no place to send to"),
    ("channels: {ops: {slack: https://a.example, webhook: https://b.example}}", "several places"),
    ("channels: {ops: {slack: 'http://hooks.example/x'}}", "without TLS"),
    ("channels: {ops: {webhook: 'ftp://x'}}", "is no URL"),
    ("channels: {ops: {slack: https://a.example, secret: sixteen-letters-x}}", "goes with 'webhook'"),
    ("channels: {ops: {email: {to: [a@x], from: b@x, smtp: mail.example}}}", "is no mail server"),
    ("channels: {ops: {email: {to: [a@x], smtp: 'smtps://mail.example'}}}", "'from' is missing"),
    ("channels: {ops: {email: {to: ['a@x, b@y'], from: b@x, smtp: 'smtps://m'}}}", "no mail address"),
    ("routes: [{to: [ops]}]", "no channel 'ops'"),
    ("channels: {ops: {webhook: 'https://a'}}\n  routes: [{on: [failures], to: [ops]}]", "no kind 'failures'"),
    ("when: {row_drop: 150%}", "expected a share"),
    ("silences: [{match: failure, until: soon, why: x}]", "expected a date"),
    ("silences: [{match: a b, until: 2026-12-01, why: x}]", "neither a kind"),
    ("repeat_after: 9999d", "must be from"),
    ("channels: {ops: {webhook: 'https://a', ca_file: nowhere.pem}}", "there is no file"),
    ("channels: {ops: {webhook: 'https://a', headers: {'X Y': z}}}", "this is no header"),
])
def test_mistakes_in_alerts_have_places(project, text, what):
    make(project, f"alerts:\n  {text}\n")
    done = project.run("check", exit_code=None)
    assert done.returncode != 0 and what in done.stderr and "sluice.yml:" in done.stderr, done.stderr


def test_an_environment_may_have_channels_of_its_own(project, hook):
    make(project, f"environments: {{prod: {{alerts: {{channels: {{hook: {{webhook: '{hook.url}'}}}}}}}}}}\n", BAD)
    project.run("run", exit_code=None)
    assert hook.all() == []
    project.run("run", "--env", "prod", exit_code=None)
    [document] = hook.all()
    assert document["environment"] == "prod"
