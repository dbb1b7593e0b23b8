import Foundation
import Testing

@testable import Runtime

@Suite("Settings")
struct SettingsReaderTests {
    private enum Fruit: String, CaseIterable {
        case apple
        case pear
    }

    private struct Odd: Error {}

    private func problems(
        _ environment: [String: String], _ body: (inout SettingsReader) -> Void
    ) -> [String] {
        var reader = SettingsReader(environment)
        body(&reader)
        return reader.problems.map(\.description)
    }

    @Test("What is set is read, what is not set is as usual, and empty is not set")
    func values() {
        var reader = SettingsReader(["A": "7", "B": "yes", "C": "Pear", "D": "x", "E": ""])
        let a = reader.integer("A", default: 1, in: 0...10)
        let z = reader.integer("Z", default: 1, in: 0...10)
        let b = reader.boolean("B", default: false)
        let c = reader.choice("C", default: Fruit.apple)
        let d = reader.required("D")
        #expect(a == 7 && z == 1 && b && c == .pear && d == "x")
        #expect(reader.string("E", default: "usual") == "usual")
        #expect(reader.optional("E") == nil)
        #expect(reader.problems.isEmpty)
    }

    @Test("Everything wrong is named at once, without its value")
    func allProblems() throws {
        let environment = ["PORT": "http", "SIZE": "11", "FLAG": "perhaps", "FRUIT": "plum", "URL": "secret"]
        let error = #expect(throws: SettingsError.self) {
            try SettingsReader.read(environment) { reader -> Int? in
                _ = reader.integer("PORT", default: 1, in: 0...9)
                _ = reader.integer("SIZE", default: 1, in: 0...10)
                _ = reader.boolean("FLAG", default: true)
                _ = reader.choice("FRUIT", default: Fruit.apple)
                _ = reader.required("MISSING")
                _ = reader.parsed("URL") { _ in throw Odd() }
                _ = reader.integer("PORT", default: 1, in: 0...9)
                return 1
            }
        }
        #expect(error?.problems.map(\.name) == ["PORT", "SIZE", "FLAG", "FRUIT", "MISSING", "URL"])
        #expect(error?.description.contains("secret") == false)
        #expect(error?.description.contains("must be one of apple, pear") == true)
    }

    @Test("A secret may stand in a file, whose last line end does not count")
    func files() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "secret-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("from a file\n".utf8).write(to: URL(filePath: path))
        var reader = SettingsReader(["KEY_FILE": path])
        let secret = reader.secret("KEY")
        #expect(secret == "from a file")
        #expect(reader.isSet("KEY"))
        func refused(_ environment: [String: String]) -> Bool {
            problems(environment) { reader in _ = reader.parsed("KEY") { $0 } }.count == 1
        }
        #expect(refused(["KEY": "a", "KEY_FILE": path]))
        #expect(refused(["KEY_FILE": "/nonexistent"]))
        try Data([0xff, 0xfe]).write(to: URL(filePath: path))
        #expect(refused(["KEY_FILE": path]))
        try Data("\n".utf8).write(to: URL(filePath: path))
        #expect(refused(["KEY_FILE": path]))
    }

    @Test("Production refuses a secret that is not set, or that everybody knows; nobody takes a short one")
    func deployments() {
        func wrong(_ value: String?, _ deployment: Deployment) -> Bool {
            let environment = value.map { ["S": $0] } ?? [:]
            return !problems(environment) { reader in
                _ = reader.secret("S", localDefault: "well known", in: deployment, minimumBytes: 8)
            }.isEmpty
        }
        #expect(!wrong(nil, .local))
        #expect(wrong(nil, .production))
        #expect(wrong("well known", .production))
        #expect(!wrong("well kept", .production))
        #expect(wrong("short", .local))
    }

    @Test("Production refuses the servers' well-known password, and names each setting that holds it")
    func serverPasswords() {
        func named(_ deployment: Deployment) -> [String] {
            problems([:]) { $0.refuseLocalPasswords(["A": "questline", "B": nil, "C": "kept"], in: deployment) }
        }
        #expect(named(.local).isEmpty)
        #expect(named(.production).count == 1)
        #expect(named(.production).first?.contains("A ") == true)
    }
}
