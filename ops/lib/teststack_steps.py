"""What ops/test-stack looks at while nothing is broken."""

import http.cookiejar
import time
import urllib.parse
import urllib.request

import demo
import say
from teststack_stack import API_KEY, OURS, PASSWORD, Stack

MOST_IDLE = 15_000  # kB of anonymous memory
IDLE = 25  # seconds after which a process has settled
UNSAFE = {
    "migrate": ("DATABASE_URL", "REDIS_URL", "CACHE_REDIS_URL", "QUESTLINE_ADMIN_PASSWORD", "QUESTLINE_API_KEY"),
    "front": ("DATABASE_URL", "REDIS_URL", "CACHE_REDIS_URL", "QUESTLINE_JWT_SECRET"),
    "worker": ("DATABASE_URL", "REDIS_URL", "CACHE_REDIS_URL"),
}


class Steps:
    def __init__(self, stack: Stack):
        self.stack = stack

    def refuse(self) -> str:
        """Each executable names every secret that everybody knows, and exits 64."""
        for service, names in UNSAFE.items():
            log = self.stack.log.with_name(f"refused-{service}.log")
            log.unlink(missing_ok=True)
            code = self.stack.project.run(
                "run", "--rm", "--no-deps", service, extra={"QUESTLINE_ENV": "production"}, log=log)
            text = log.read_text(errors="replace")
            silent = [name for name in names if f"wrong setting: {name} " not in text]
            if code != 64 or silent:
                raise say.Stop(f"{service} exits with {code} and does not name {', '.join(silent) or 'less'}: {text[-500:]}")
        return "migrate, front and worker name each of them, and exit 64"

    def start(self) -> str:
        self.stack.up()
        self.stack.wait_fronts(1)
        services = sorted(each.service for each in self.stack.project.containers())
        return f"healthy: {', '.join(services)}"

    def confined(self) -> str:
        """Not root, no rights to get, a root file system that cannot be written, nobody but the gateway and loopback."""
        faults = []
        for each in self.stack.project.containers():
            told, service = each.inspect(), each.service
            if service in OURS and each.run("id", "-u").stdout.strip() in ("", "0"):
                faults.append(f"{service} runs as root")
            if service != "postgres" and not told["HostConfig"]["ReadonlyRootfs"]:
                faults.append(f"{service} may write to its root file system")
            if service in OURS and each.run("touch", "/tmp/x").returncode == 0:
                faults.append(f"{service} can write to /tmp")
            if "no-new-privileges:true" not in (told["HostConfig"]["SecurityOpt"] or []):
                faults.append(f"{service} may gain rights")
            for bindings in (told["NetworkSettings"]["Ports"] or {}).values():
                faults += [f"{service} listens on {one['HostIp']}" for one in bindings or [] if one["HostIp"] != "127.0.0.1"]
        if faults:
            raise say.Stop("; ".join(faults))
        return "our processes are not root; only Postgres may write to its root; ports on loopback"

    def memory(self) -> str:
        time.sleep(IDLE)
        found = {}
        for service in OURS:
            status = self.stack.project.the(service).run("cat", "/proc/1/status").stdout
            found[service] = int(next(row for row in status.splitlines() if row.startswith("RssAnon:")).split()[1])
        words = ", ".join(f"{service} {kilobytes / 1000:.1f} MB" for service, kilobytes in found.items())
        if max(found.values()) >= MOST_IDLE:
            raise say.Stop(f"RssAnon: {words}; more than {MOST_IDLE / 1000:.0f} MB")
        return f"RssAnon: {words}"

    def example(self) -> str:
        environment = {"QUESTLINE_URL": self.stack.url, "QUESTLINE_API_KEY": API_KEY}
        if not demo.show(environment, self.stack.query):
            raise say.Stop("this is not the example")
        return "ten events, two completions, two claims, 20 diamonds; by password and by key"

    def scale(self) -> str:
        self.stack.up(workers=4, fronts=2)
        self.stack.wait_fronts(2)
        count = {service: len(self.stack.project.containers(service)) for service in OURS}
        if count != {"front": 2, "worker": 4}:
            raise say.Stop(f"there are {count}")
        return "all healthy, and the gateway sends to both fronts"

    def verify(self) -> str:
        return self.stack.proved()

    def adminer(self) -> str:
        """Logs in as a person does, and reads the list of tables."""
        self.stack.up("adminer", profile="tools")
        page = f"http://127.0.0.1:{self.stack.settings['ADMINER_PORT']}/"
        browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        fields = {"driver": "pgsql", "server": "postgres", "username": "questline", "password": PASSWORD, "db": "questline"}
        form = urllib.parse.urlencode({f"auth[{name}]": value for name, value in fields.items()})
        browser.open(page, form.encode(), timeout=30).read()
        where = urllib.parse.urlencode({"pgsql": "postgres", "username": "questline", "db": "questline", "ns": "processing"})
        text = browser.open(f"{page}?{where}", timeout=30).read().decode(errors="replace")
        absent = [table for table in ("events", "outbox", "user_quest_rewards") if f"table={table}" not in text]
        if absent:
            raise say.Stop(f"Adminer does not show {', '.join(absent)}")
        return "after a log-in it lists events, outbox, user_quest_rewards"
