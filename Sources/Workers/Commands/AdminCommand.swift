import ArgumentParser
import Domain
import Identity
import Operations
import Postgres
import Runtime
import Storage

/// What whoever may log in to the machine can do about accounts and keys when nobody can sign in as an admin. Everything
/// takes effect in one transaction with its audit row; the fronts know of it within 5 seconds.
struct AdminCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admin",
        abstract: "Reset a password, change a role, make and revoke API keys.",
        discussion: "Exit codes: 0 done, 1 no such name or key (or it failed), 64 wrong usage or an unusable password.",
        subcommands: [
            ResetPassword.self, Grant.self, Revoke.self, CreateKey.self, ListKeys.self, RevokeKey.self,
        ])

    /// Runs `body` against the configured database, which has to be migrated.
    static func run(_ body: (Connections) async throws -> Void) async -> Never {
        await Launch.process {
            let connections = try Connections.fromEnvironment()
            try await NotMigrated.check(connections.postgres)
            try await body(connections)
            connections.postgres.close()
        }
    }

    /// - Throws: `Unknown` if nobody has this name.
    static func account(named name: String, _ connections: Connections) async throws -> User {
        let users = Users(connections.postgres)
        guard Credentials.fault(inName: name) == nil, let found = try await users.credentials(named: name) else {
            throw Unknown(what: "account", name: name)
        }
        return found.user
    }

    struct Unknown: Error, CustomStringConvertible {
        let what: String
        let name: String

        var description: String { "there is no \(what) '\(ControlCharacters.escaped(name))'" }
    }

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make somebody an admin; ends their sessions.")

        @Argument(help: "The account's name.")
        var name: String

        func run() async throws { await setRole(.admin, of: name) }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an admin a player; ends their sessions.")

        @Argument(help: "The account's name.")
        var name: String

        func run() async throws { await setRole(.player, of: name) }
    }

    private static func setRole(_ role: User.Role, of name: String) async {
        await run { connections in
            let user = try await account(named: name, connections)
            guard try await Users(connections.postgres).change(user.id, role: role, by: .commandLine) != nil else {
                throw Unknown(what: "account", name: name)
            }
            let name = ControlCharacters.escaped(name)
            print(user.role == role ? "\(name) is \(role.rawValue) already." : "\(name) is \(role.rawValue) now.")
        }
    }

    struct CreateKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an API key and print it, alone, on standard output. It is not shown again.")

        @Argument(help: "What the key is called.")
        var name: String

        func validate() throws {
            if let fault = Credentials.fault(inName: name) { throw ValidationError("The name \(fault).") }
        }

        func run() async throws {
            await AdminCommand.run { connections in
                let key = APIKeys.generate()
                _ = try await APIKeyRows(connections.postgres).add(
                    id: .timeOrdered(at: .now), name: name, hash: APIKeyHash(of: key).bytes, by: .commandLine)
                print(key)
            }
        }
    }

    struct ListKeys: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List API keys, revoked ones too.")

        func run() async throws {
            await AdminCommand.run { connections in
                let rows = APIKeyRows(connections.postgres)
                var cursor: Identifier?
                repeat {
                    let page = try await rows.list(after: cursor, limit: 500)
                    for key in page {
                        let end = key.revokedAt.map { "revoked \($0)" } ?? "in force"
                        print("\(key.id)  made \(key.createdAt)  \(end)  \(ControlCharacters.escaped(key.name))")
                    }
                    cursor = page.last?.id
                } while cursor != nil
            }
        }
    }

    struct RevokeKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End an API key for good.")

        @Argument(help: ArgumentHelp("The key's id, as list-keys shows it.", valueName: "id"))
        var id: String

        func validate() throws {
            guard Identifier(id) != nil else {
                throw ValidationError(
                    "'\(ControlCharacters.escaped(id))' is not the id of a key: list-keys shows them.")
            }
        }

        func run() async throws {
            await AdminCommand.run { connections in
                guard let keyID = Identifier(id),
                    try await APIKeyRows(connections.postgres).revoke(keyID, by: .commandLine)
                else { throw Unknown(what: "API key", name: id) }
                print("Revoked.")
            }
        }
    }
}
