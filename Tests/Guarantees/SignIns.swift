import Domain
import Redis
import Streams

/// Sign-ins as a front publishes them.
enum SignIns {
    /// What one new person does: a first sign-in and `count` - 1 others.
    static func person(_ count: Int, id: Identifier = .random()) -> [SignInEvent] {
        (0..<count).map { event(of: id, type: $0 == 0 ? .firstSignIn : .signIn) }
    }

    /// What many new people do, in random order.
    static func crowd(_ people: Int, each: Int) -> [SignInEvent] {
        (0..<people).flatMap { _ in person(each) }.shuffled()
    }

    static func event(
        _ id: Identifier = .timeOrdered(at: .now), of person: Identifier = .random(), type: EventType = .signIn
    ) -> SignInEvent {
        SignInEvent(id: id, type: type, userID: person, occurredAt: .now)
    }
}

extension Stage {
    /// Publishes events in their order, a few hundred at a time.
    func publish(_ events: [SignInEvent]) async throws {
        var rest = events[...]
        while !rest.isEmpty {
            try await producer.publish(Array(rest.prefix(500)))
            rest = rest.dropFirst(500)
        }
    }

    /// Publishes events one by one, `producers` at a time.
    func publish(_ events: [SignInEvent], producers: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in 0..<producers {
                group.addTask { [producer] in
                    for index in stride(from: first, to: events.count, by: producers) {
                        try await producer.publish([events[index]])
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
