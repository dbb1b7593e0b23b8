/// The markup of `/docs`.
enum DocsTemplate {
    static let html = head + guide + reference + foot

    private static let head = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>The API of Questline</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/assets/base.css">
        <link rel="stylesheet" href="/assets/docs.css">
        </head>
        <body class="docs">
        <a class="skip" href="#main">Skip to content</a>
        <header class="bar"><a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="20" height="20"> Questline</a>
        <p class="version">API {{version}} · <a href="/openapi.json">openapi.json</a></p></header>
        <div class="columns">
        <nav class="contents" aria-label="Contents"><details open><summary>Contents</summary>
        <p class="part">Guide</p>
        <ul><li><a href="#authenticate">Authenticate</a></li><li><a href="#requests">Requests and answers</a></li>
        <li><a href="#pages">Pages</a></li><li><a href="#retry">Retry</a></li><li><a href="#limits">Limits</a></li>
        <li><a href="#problems">Problems</a></li></ul>
        {{#groups}}
        <p class="part"><a href="#{{id}}">{{name}}</a></p>
        <ul>{{#operations}}<li><a href="#{{id}}"><b class="verb {{kind}}">{{method}}</b><span>{{{shortHTML}}}</span></a></li>{{/operations}}</ul>
        {{/groups}}
        </details></nav>
        <main id="main" tabindex="-1">

        """

    private static let guide = """
        <h1>The API</h1>
        <p class="lead">Hand Questline your sign-ins; it turns them into streaks, quests, claims and a wallet. Everything below is
        also in <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1), which is checked against every answer in the tests.</p>

        <section aria-labelledby="authenticate"><h2 id="authenticate">Authenticate</h2>
        <p><b>People</b> send a name and a password once and get a token, good for 8 hours. There is no refresh: a sign-in is an event.</p>
        <pre tabindex="0"><code>TOKEN=$(curl -s "$QUESTLINE_URL/api/v1/login/access-token" -d 'username=user&amp;password=password' | jq -r .access_token)
        curl "$QUESTLINE_URL/api/v1/users/me" -H "Authorization: Bearer $TOKEN"</code></pre>
        <p><b>Servers</b> send <code>X-API-Key</code>, which makes <code>Authorization</code> irrelevant. A key may report sign-ins and
        read, claim and spend what anybody has earned; keep it out of browsers and apps.</p>
        <p>Signing out, a ban and a new password are in force on this front at once and everywhere within 5 seconds.</p></section>

        <section aria-labelledby="requests"><h2 id="requests">Requests and answers</h2>
        <ul><li>Bodies are JSON in UTF-8, at most 1 MiB; a name that stands twice in one object is refused. The token endpoint takes a
        form.</li>
        <li>A trailing slash is optional. <code>HEAD</code> goes wherever <code>GET</code> does; <code>OPTIONS</code> lists the methods of a path.</li>
        <li>Query parameters that a route does not know are ignored; one that it knows may stand there once.</li>
        <li>Times are RFC 3339 in UTC, ids are UUIDs, numbers are 64-bit integers.</li>
        <li>Every answer has <code>X-Request-Id</code>, which the logs carry too; send one of your own (up to 64 letters, digits,
        <code>-</code> and <code>_</code>) or a <code>traceparent</code> to follow a request.</li>
        <li>Answers with an <code>ETag</code> are not sent again to whoever names it in <code>If-None-Match</code>: 304.</li></ul></section>

        <section aria-labelledby="pages"><h2 id="pages">Pages</h2>
        <p>Lists are <code>{"data": […], "next_cursor": …}</code>. Ask for the next page with <code>?cursor=</code> and the
        <code>next_cursor</code> as it came, until it is null. Cursors are opaque and belong to one list; <code>limit</code> is 1 to
        100.</p></section>

        <section aria-labelledby="retry"><h2 id="retry">Retry</h2>
        <p>After a 503, or no answer at all, send <em>the same</em> again, after <code>Retry-After</code> seconds if they are given and with
        growing pauses otherwise. Nothing counts twice: sign-ins by <code>event_id</code> or <code>Idempotency-Key</code>, claims by
        their id, an account by its name. Do not repeat other 4xx without mending the request.</p></section>

        <section aria-labelledby="limits"><h2 id="limits">Limits</h2>
        <p>Failed sign-ins are counted per address and per name, sign-ups per address. Beyond the limit the answer is 429 with
        <code>Retry-After</code>, for the right password too. Headers may have 32 KiB, a request must be complete within 60
        seconds.</p></section>

        <section aria-labelledby="problems"><h2 id="problems">Problems</h2>
        <p>Errors are <code>application/problem+json</code> (RFC 9457). Decide by <code>type</code>, which is
        <code>urn:questline:problem:</code> and one of these; <code>detail</code> is for people. The token endpoint answers
        <code>{"error", "error_description"}</code> (RFC 6749) instead.</p>
        <div class="wide" tabindex="0" role="region" aria-labelledby="problems"><table><thead><tr><th>Status</th><th>Type</th><th>Meaning</th><th>What to do</th></tr></thead><tbody>
        {{#problems}}<tr><td>{{status}}</td><td><code>{{slug}}</code></td><td>{{{meaningHTML}}}</td><td>{{{remedyHTML}}}</td></tr>
        {{/problems}}
        </tbody></table></div></section>

        """

    private static let reference = """
        {{#groups}}
        <section class="group" aria-labelledby="{{id}}"><h2 id="{{id}}">{{name}}</h2><p class="lead">{{about}}</p>
        {{#operations}}
        <article class="card operation" aria-labelledby="{{id}}">
        <h3 id="{{id}}"><b class="verb {{kind}}">{{method}}</b> <code>{{{pathHTML}}}</code></h3>
        <p class="summary">{{summary}}.</p><p class="hint">For {{audience}}.</p>
        {{#hasParameters}}
        <h4>Parameters</h4>
        <div class="wide" tabindex="0" role="region" aria-label="Parameters of {{method}} {{path}}"><table><thead><tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead><tbody>
        {{#parameters}}<tr><td><code>{{name}}</code> <span class="need {{need}}">{{need}}</span></td><td>{{place}}</td><td>{{type}}</td><td>{{{aboutHTML}}}</td></tr>
        {{/parameters}}
        </tbody></table></div>
        {{/hasParameters}}
        {{#hasBody}}
        <h4>Body <span class="media">{{bodyType}}</span></h4>
        <div class="wide" tabindex="0" role="region" aria-label="Body of {{method}} {{path}}"><table><thead><tr><th>Member</th><th>Type</th><th>Meaning</th></tr></thead><tbody>
        {{#body}}<tr><td><code>{{name}}</code> <span class="need {{need}}">{{need}}</span></td><td>{{type}}</td><td>{{{aboutHTML}}}</td></tr>
        {{/body}}
        </tbody></table></div>
        {{/hasBody}}
        <h4>Answers</h4>
        <div class="wide" tabindex="0" role="region" aria-label="Answers of {{method}} {{path}}"><table class="answers"><thead><tr><th>Status</th><th>When</th><th>Headers</th></tr></thead><tbody>
        {{#answers}}<tr><td><span class="status {{kind}}">{{status}}</span></td><td>{{{aboutHTML}}}</td><td>{{headers}}</td></tr>
        {{/answers}}
        </tbody></table></div>
        {{#hasFields}}
        <details><summary>Members of the answer</summary>
        <div class="wide" tabindex="0" role="region" aria-label="Members of the answer of {{method}} {{path}}"><table><thead><tr><th>Member</th><th>Type</th><th>Meaning</th></tr></thead><tbody>
        {{#fields}}<tr><td><code>{{name}}</code></td><td>{{type}}</td><td>{{{aboutHTML}}}</td></tr>
        {{/fields}}
        </tbody></table></div></details>
        {{/hasFields}}
        <h4>Example</h4>
        <pre tabindex="0" aria-label="Example request"><code>{{request}}</code></pre>
        {{#response}}<pre tabindex="0" aria-label="Example answer" class="answer"><code>{{response}}</code></pre>{{/response}}
        {{^response}}<p class="hint">Answers {{status}} without a body.</p>{{/response}}
        </article>
        {{/operations}}
        </section>
        {{/groups}}

        """

    private static let foot = """
        </main>
        </div>
        </body>
        </html>

        """
}
