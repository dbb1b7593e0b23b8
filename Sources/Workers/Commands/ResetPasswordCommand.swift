import ArgumentParser
import Identity
import Operations
import Postgres
import Runtime
import Storage

extension AdminCommand {
    /// Sets somebody's password without the old one.
    struct ResetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset-password",
            abstract: "Set somebody's password and end their sessions.",
            discussion: """
                The new password is asked for twice at a terminal, without being shown; otherwise it is all of standard \
                input, without one line end at its end. With --generate one is made and printed, alone, on standard output.
                """)

        @Argument(help: "The account's name.")
        var name: String

        @Flag(help: "Make a random password and print it.")
        var generate = false

        func run() async throws {
            await Launch.process {
                let parameters = try SettingsReader.read { reader in
                    PasswordParameters(
                        memory: UInt32(reader.integer("QUESTLINE_HASH_MEMORY_KIB", default: 19_456, in: 64...262_144)),
                        passes: UInt32(reader.integer("QUESTLINE_HASH_PASSES", default: 2, in: 1...16)))
                }
                let connections = try Connections.fromEnvironment()
                try await NotMigrated.check(connections.postgres)
                // First, so that nobody types a password for a name that is not there.
                let user = try await AdminCommand.account(named: name, connections)
                let password = generate ? ResetPassword.random() : try await PasswordPrompt.read()
                if let fault = Credentials.fault(inPassword: password) { throw UsageError("the password \(fault)") }
                let hash = try await PasswordHasher(parameters, threads: 1).hash(password)
                let changed = try await Users(connections.postgres).setPassword(
                    hash, of: user.id, by: .commandLine, action: "user.reset-password")
                guard changed != nil else { throw Unknown(what: "account", name: name) }
                if generate {
                    print(password)
                } else {
                    print("\(ControlCharacters.escaped(name)) has a new password; all sessions have ended.")
                }
                if user.status == .banned {
                    LineHandler.standardError("The account is banned and stays so.\n")
                }
                connections.postgres.close()
            }
        }

        /// 120 random bits in letters that are not taken for one another, in groups to be read out.
        private static func random() -> String {
            let letters = Array("abcdefghijkmnpqrstuvwxyz23456789")
            var generator = SystemRandomNumberGenerator()
            let groups = (0..<6).map { _ in
                String((0..<4).map { _ in letters[Int.random(in: 0..<letters.count, using: &generator)] })
            }
            return groups.joined(separator: "-")
        }
    }
}
