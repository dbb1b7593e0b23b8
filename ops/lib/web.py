"""HTTP for the scripts: never through a proxy, and an answer is an answer whatever its status."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer(NamedTuple):
    status: int  # 0: nobody answered
    body: Any  # what the JSON says, or the text


def call(
    method: str, url: str, *, json_body: Any = None, form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None, timeout: float = 30,
) -> Answer:
    headers, data = dict(headers or {}), None
    if json_body is not None:
        data, headers["Content-Type"] = json.dumps(json_body).encode(), "application/json"
    elif form is not None:
        data = urllib.parse.urlencode(form).encode()
    elif method != "GET":
        data = b""
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with opener.open(request, timeout=timeout) as response:
            return Answer(response.status, decoded(response.read()))
    except urllib.error.HTTPError as error:
        return Answer(error.code, decoded(error.read()))
    except (OSError, http.client.HTTPException) as error:
        # The latter: it ended in the middle of its answer.
        return Answer(0, str(error))


def decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def is_ready(base: str) -> bool:
    return call("GET", f"{base}/readyz", timeout=2).status == 200
