import Domain
import Postgres
import Storage
import TestSupport
import Testing

extension Guarantees {
    /// Eight sign-ins of one new person, under a quest of streak 3, duplication 2 and 10 diamonds.
    @Suite struct Example {
        @Test(.timeLimit(.minutes(2))) func eightSignInsBecomeTenEventsAndTwoClaims() async throws {
            try await Stage.with { stage in
                _ = try await stage.worker()
                let person = Identifier.random()
                let after = [(1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2), (0, 2), (0, 2)]
                for (event, expected) in zip(SignIns.person(8, id: person), after) {
                    try await stage.publish([event])
                    try await eventually("\(event.id) is recorded") { try await stage.isRecorded(event.id) }
                    let progress = try await stage.progress(of: person)
                    #expect(progress == Progress(streak: Int32(expected.0), duplication: Int32(expected.1)))
                }
                try await stage.settle(recording: 8)
                #expect(try await stage.number("SELECT count(*) FROM processing.events") == 10)
                #expect(try await stage.completions == 2)
                let claims = Claims(stage.database)
                let pending = try await claims.list(of: person, limit: 10).map(\.claim)
                #expect(pending.map(\.status) == [.pending, .pending])
                #expect(pending.map(\.rewardQuantity) == [10, 10])
                #expect(try await stage.wallet(of: person) == [0, 0])
                for claim in pending + pending {
                    #expect(try await claims.claim(claim.id, of: person)?.status == .claimed)
                }
                #expect(try await stage.wallet(of: person) == [0, 20])
                try await stage.verify()
            }
        }

        @Test(.timeLimit(.minutes(2))) func withAutoClaimTheWalletHoldsTwentyDiamonds() async throws {
            try await Stage.with(autoClaim: true) { stage in
                _ = try await stage.worker()
                let person = Identifier.random()
                try await stage.publish(SignIns.person(8, id: person))
                try await stage.settle(recording: 8)
                #expect(try await stage.number("SELECT count(*) FROM processing.events") == 10)
                #expect(try await stage.claims == 2)
                #expect(try await stage.wallet(of: person) == [0, 20])
                try await stage.verify()
            }
        }
    }
}
