import Foundation
import Postgres
import TestSupport
import Testing

@testable import Storage

@Suite("Connections")
struct ConnectionBudgetTests {
    private let front = FleetMember(kind: "questline-front", pool: 10, id: "a")
    private let worker = FleetMember(kind: "questline-worker", pool: 6, id: "b")

    private func session(_ member: FleetMember, _ count: Int = 1) -> ConnectionBudget.Session {
        ConnectionBudget.Session(application: member.applicationName, count: count)
    }

    @Test("A process is known again by the name that Postgres shows, and nothing else is")
    func names() {
        for _ in 0..<100 {
            let member = FleetMember(kind: "questline-worker", pool: .random(in: 1...102))
            #expect(FleetMember(applicationName: member.applicationName) == member)
            #expect(member.applicationName.utf8.count < 64, "Postgres cuts longer ones")
            #expect(
                member.applicationName.split(separator: "-").first == "questline", "whose stalled sessions workers end")
        }
        for name in [
            "", "questline-front", "questline-worker", "psql", "questline-front pool=x id=1",
            "questline-front pool=0 id=1",
            "other pool=5 id=1", "questline-front pool=5", "questline-front  pool=5 id=1",
        ] {
            #expect(FleetMember(applicationName: name) == nil, "\(name)")
        }
    }

    @Test("Processes count with their whole pools, everybody else with what they hold")
    func sums() throws {
        let older = ConnectionBudget.Session(application: "questline-front", count: 4)
        let psql = ConnectionBudget.Session(application: "psql", isOwnRole: false, isOwnDatabase: false, count: 2)
        let budget = ConnectionBudget(
            .init(server: 30, reserved: 3, role: 22), sessions: [session(front, 3), session(worker, 2), older, psql],
            own: nil)
        let server = try #require(budget.shares.first)
        #expect(server.allowed == 27 && server.processes == 2 && server.pools == 16 && server.others == 6)
        let role = try #require(budget.shares.last)
        #expect(role.allowed == 22 && role.pools == 16 && role.others == 4)
        #expect(budget.warnings.isEmpty)
        let another = FleetMember(kind: "questline-worker", pool: 6, id: "c")
        let later = ConnectionBudget(
            .init(server: 30, reserved: 3, role: 22), sessions: [session(front, 3), session(worker, 2), older, psql],
            own: another)
        #expect(later.shares.map(\.pools) == [22, 22])
        #expect(later.shares.map(\.isExceeded) == [true, true])
        #expect(later.warnings.count == 2 && later.warnings[0].contains("3 processes of Questline may open 22"))
        #expect(later.refusal(of: another) == nil)
    }

    @Test("Only what one process may open by itself is a reason to refuse")
    func refusal() throws {
        let full = ConnectionBudget(
            .init(server: 12, reserved: 3), sessions: [.init(application: "psql", count: 9)], own: worker)
        #expect(full.refusal(of: worker) == nil && full.warnings.count == 1)
        let small = ConnectionBudget(.init(server: 100, reserved: 3, database: 5), sessions: [], own: worker)
        #expect(
            try #require(small.refusal(of: worker)).contains(
                "may open 6 connections, and Postgres allows 5 in all (the database's CONNECTION LIMIT)"))
    }

    @Test("The limits and the sessions are those of Postgres")
    func reading() async throws {
        try await TestDatabase.with(seeded: false) { database in
            let role = "role_\(UUID().uuidString.lowercased().replacing("-", with: ""))"
            try await database.client.execute(
                script: """
                    CREATE ROLE \(role) LOGIN PASSWORD 'known' CONNECTION LIMIT 7;
                    ALTER DATABASE \(database.name) CONNECTION LIMIT 40
                    """)
            var components = try #require(URLComponents(string: database.url))
            components.user = role
            components.password = "known"
            var configuration = try PostgresConfiguration(url: try #require(components.string))
            configuration.applicationName = worker.applicationName
            let client = PostgresClient(configuration, poolSize: 2)
            let budget = try await ConnectionBudget.read(client)
            client.close()
            let maximum = try await database.client.query("SELECT current_setting('max_connections')::integer").first
            #expect(budget.shares.count == 3)
            #expect(budget.shares.first?.allowed == Int(try #require(maximum).decode(0, as: Int32.self)) - 3)
            let own = try #require(budget.shares.dropFirst().first)
            #expect(own.allowed == 7 && own.processes == 1 && own.pools == 6 && own.others == 0)
            let shared = try #require(budget.shares.last)
            #expect(shared.allowed == 40 && shared.pools == 6 && shared.others >= 1, "the test's own session")
            try await eventually("nobody is connected as \(role)") {
                try await database.client.query("SELECT FROM pg_stat_activity WHERE usename = \(role)").isEmpty
            }
            try await database.client.execute(script: "DROP ROLE \(role)")
        }
    }
}
