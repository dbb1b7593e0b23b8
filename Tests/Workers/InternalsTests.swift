import Foundation
import Testing

@Suite("The documents")
struct InternalsTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let documents = [
        "README.md", "ops/internals.md", "ops/decisions/0001-blocking-c-calls.md",
        "ops/decisions/0002-where-the-rule-is-evaluated.md", "ops/decisions/0003-how-ids-are-made.md",
        "ops/decisions/0004-plans-that-stay-linear.md", "ops/decisions/0005-outbox-rows-stay-until-recorded.md",
        "ops/decisions/0006-lag-after-a-restart.md",
        "ops/decisions/0007-how-copies-of-the-catalog-stay-fresh.md",
    ]

    @Test("Name only files that are there", arguments: documents)
    func namedFiles(document: String) throws {
        let text = try String(contentsOf: Self.root.appending(path: document), encoding: .utf8)
        let named = text.matches(of: #/`((?:Sources|Tests|ops)/[A-Za-z0-9+/._-]+)`/#).map { String($0.output.1) }
        for path in Set(named) {
            #expect(FileManager.default.fileExists(atPath: Self.root.appending(path: path).path), "\(path)")
        }
        #expect(document == "README.md" || !named.isEmpty)
    }
}
