import HTTPTypes
import Mustache

/// The API for people: the same table as `/openapi.json`, as a page.
enum DocsPage {
    private struct Row {
        let method: String
        let path: String
        let summary: String
        let audience: String
        let status: Int
        let query: String
    }

    private struct Page {
        let rows: [Row]
    }

    private static let template = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>The API of Questline</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/assets/app.css">
        </head>
        <body>
        <header class="bar"><p class="brand"><span aria-hidden="true">◆</span> <a href="/">Questline</a></p></header>
        <main>
        <h1>The API</h1>
        <p class="lead">Everything stands under <code>/api/v1</code>; a trailing slash is optional. Tools read
        <a href="/openapi.json">/openapi.json</a>.</p>
        <ul class="list">
        {{#rows}}
        <li class="card"><h2 class="route"><code>{{method}} {{path}}</code></h2>
        <p>{{summary}}.</p>
        <p class="hint">For {{audience}}. Answers {{status}}.{{#query}} Query: {{query}}.{{/query}}</p></li>
        {{/rows}}
        </ul>
        </main>
        </body>
        </html>

        """

    static func render() throws -> String {
        let rows = ApiOperation.all.map { operation in
            Row(
                method: operation.method.rawValue, path: operation.path, summary: operation.summary,
                audience: operation.audience.rawValue, status: operation.status,
                query: operation.query.map { "\($0.name) (\($0.about))" }.joined(separator: ", "))
        }
        return try MustacheTemplate(string: template).render(Page(rows: rows))
    }
}
