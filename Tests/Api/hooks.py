"""What schemathesis cannot know from the description: who it is, and which values nobody can guess."""

import json
import os
import urllib.parse
import urllib.request

import schemathesis

ROLE = os.environ["QUESTLINE_API_ROLE"]
URL = os.environ["QUESTLINE_API_URL"]
KEPT: dict[str, str] = {}


def sign_in() -> str:
    name, password = os.environ["QUESTLINE_API_NAME"], os.environ["QUESTLINE_API_PASSWORD"]
    form = urllib.parse.urlencode({"username": name, "password": password}).encode()
    with urllib.request.urlopen(f"{URL}/api/v1/login/access-token", form, timeout=10) as answer:
        return json.load(answer)["access_token"]


if ROLE in ("player", "admin"):

    @schemathesis.auth(refresh_interval=None)
    class Token:
        """One token for everything; signing out ends a token, so it gets a new one each time."""

        def get(self, case, context):
            if case.operation.path == "/api/v1/logout" or "token" not in KEPT:
                token = sign_in()
                if case.operation.path == "/api/v1/logout":
                    return token
                KEPT["token"] = token
            return KEPT["token"]

        def set(self, case, data, context):
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {data}"

elif ROLE == "key":

    @schemathesis.auth(refresh_interval=None)
    class Key:
        def get(self, case, context):
            return os.environ["QUESTLINE_API_KEY"]

        def set(self, case, data, context):
            case.headers = case.headers or {}
            case.headers["X-API-Key"] = data


def is_positive(case) -> bool:
    return case.meta is None or case.meta.generation.mode.is_positive


@schemathesis.hook
def map_case(context, case):
    """A cursor is opaque: the only ones that are good are those that a list gave out, so good requests go without."""
    if is_positive(case) and case.query and "cursor" in case.query:
        del case.query["cursor"]
    return case
