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
        let files = try PageFiles()
        let pages: [(path: String, type: String, text: String)] = [
            ("", "text/html; charset=utf-8", try files.page("player.html")),
            ("console", "text/html; charset=utf-8", try files.page("console.html")),
            ("assets/docs.css", "text/css; charset=utf-8", DocsStyle.css),
            ("assets/icon.svg", "image/svg+xml", try files.page("icon.svg")),
            (
                "docs", "text/html; charset=utf-8",
                try DocsPage.render().replacing("/assets/base.css", with: "/assets/\(files.version)/base.css")
            ),
            ("openapi.json", "application/json", OpenAPI.document.text),
        ]
        for page in pages {
            let tag = EntityTag(of: page.text)
            let body = ByteBuffer(string: page.text)
            routes.get(page.path) { request, _ in
                // Their names never change, so they are asked for again each time, and seldom sent.
                let headers: HTTPFields = [
                    .contentType: page.type, .eTag: tag.text, .cacheControl: "no-cache",
                    .contentSecurityPolicy: PagesController.policy,
                ]
                if tag.isKnown(to: request) { return Response(status: .notModified, headers: headers) }
                return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
            }
        }
        routes.get("assets/:version/:name") { _, context in
            guard let file = context.parameters.get("name").flatMap({ files[$0] }) else {
                throw Problem.notFound("No page loads such a file")
            }
            // While fronts are exchanged for newer ones, a page of one may ask the other for its files.
            let isOurs = context.parameters.get("version") == files.version
            return Response(
                status: .ok,
                headers: [
                    .contentType: file.type,
                    .cacheControl: isOurs ? "public, max-age=31536000, immutable" : "no-store",
                ], body: ResponseBody(byteBuffer: file.body))
        }
    }
}
