import HTTPTypes
import Hummingbird
import NIOCore

/// The pages, the files they load and the description of the API, all from memory.
struct PagesController: Sendable {
    /// Nothing inline, nothing from elsewhere.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    func add(to routes: inout Routes) throws {
        let files: [(path: String, type: String, text: String)] = [
            ("", "text/html; charset=utf-8", PageMarkup.html),
            ("assets/app.css", "text/css; charset=utf-8", PageStyle.css),
            ("assets/docs.css", "text/css; charset=utf-8", DocsStyle.css),
            ("assets/app.js", "text/javascript; charset=utf-8", PageScript.js),
            ("assets/icon.svg", "image/svg+xml", PageMarkup.icon),
            ("docs", "text/html; charset=utf-8", try DocsPage.render()),
            ("openapi.json", "application/json", OpenAPI.document.text),
        ]
        for file in files {
            let tag = EntityTag(of: file.text)
            let body = ByteBuffer(string: file.text)
            routes.get(file.path) { request, _ in
                // No build step gives the files new names, so they are asked for again each time, and seldom sent.
                let headers: HTTPFields = [
                    .contentType: file.type, .eTag: tag.text, .cacheControl: "no-cache",
                    .contentSecurityPolicy: PagesController.policy,
                ]
                if tag.isKnown(to: request) { return Response(status: .notModified, headers: headers) }
                return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
            }
        }
    }
}
