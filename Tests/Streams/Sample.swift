import Domain
import Redis
import Streams
import TestSupport

/// A stream, a group and its consumers in a test's own corner.
struct Sample: Sendable {
    let redis: TestRedis
    let keys: StreamKeys
    let producer: Producer
    let letters: DeadLetters

    init(_ redis: TestRedis) {
        self.redis = redis
        keys = StreamKeys(prefix: redis.prefix)
        producer = Producer(redis.client, keys: keys)
        letters = DeadLetters(redis.client, keys: keys)
    }

    static func with(_ body: (Sample) async throws -> Void) async throws {
        try await TestRedis.with { try await body(Sample($0)) }
    }

    /// Reads share the one connection: a test reads when it knows that something is there.
    func consumer(_ name: String = "one", group: String = StreamKeys.progressGroup) -> ConsumerGroup {
        ConsumerGroup(
            reads: redis.client, commands: redis.client, stream: keys.signIns, group: group, consumer: name)
    }

    static func events(_ count: Int) -> [SignInEvent] {
        (0..<count).map { _ in
            SignInEvent(id: .timeOrdered(at: .now), type: .signIn, userID: .random(), occurredAt: .now)
        }
    }

    static func completion(_ ordinal: Int32) -> Completion {
        Completion(
            id: Identifier.random().marked(version: 8), userID: .random(), questID: .random(), ordinal: ordinal,
            rewardItem: .gold, rewardQuantity: 10, autoClaim: false, catalogRevision: 1, causeID: .random(),
            occurredAt: .now)
    }
}

extension ConsumerGroup {
    /// One step of a sweep: what is stale, taken over.
    func reclaim(
        minIdle: Duration, count: Int, after cursor: StreamID = .zero
    ) async throws -> (entries: [Delivery], deleted: [StreamID], next: StreamID?) {
        let found = try await stale(minIdle: minIdle, count: count, after: cursor)
        let taken = try await takeOver(found.entries.map(\.id), minIdle: minIdle)
        return (taken.deliveries, taken.missing, found.next)
    }
}
