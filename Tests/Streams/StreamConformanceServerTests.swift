import Domain
import Redis
import Streams
import TestSupport
import Testing

@Suite("Stream conformance: a server that dies, and answers that are lost")
struct StreamConformanceServerTests {
    @Test("Entries, groups, positions, pending lists and delivery counts survive a SIGKILL of the server")
    func everythingSurvives() async throws {
        try await PrivateRedis.with { server in
            let party = try StreamConformance.Party(url: server.url)
            let (one, two) = (party.consumer("one"), party.consumer("two"))
            let other = party.consumer("other", group: "somebody-else")
            let events = Sample.events(60)
            try await party.producer.publish(events)
            let given = try await one.read(count: 40, block: .milliseconds(1))
            _ = try await one.acknowledge(Array(given.ids.prefix(10)))
            _ = try await two.reclaim(minIdle: .zero, count: 20)
            _ = try await other.read(count: 5, block: .milliseconds(1))
            let before = try await picture(party)
            for _ in 0..<2 {
                server.kill()
                try await server.start()
                // The same clients, which were told nothing.
                #expect(try await picture(party) == before)
            }
            let rest = try await one.read(count: 100, block: .milliseconds(1))
            #expect(try StreamConformance.decode(rest) == Array(events.suffix(20)))
            let pending = try await two.reclaim(minIdle: .zero, count: 100).entries
            #expect(pending.map(\.entry.id) == Array(given.ids.suffix(30)) + rest.ids)
            #expect(pending.map(\.deliveries) == Array(repeating: 3, count: 20) + Array(repeating: 2, count: 30))
            let others = try await other.read(count: 100, block: .milliseconds(1))
            #expect(try StreamConformance.decode(others) == Array(events.dropFirst(5)))
            await party.close()
        }
    }

    /// Everything the server knows of the stream, but for how long ago things happened.
    private func picture(_ party: StreamConformance.Party) async throws -> [String] {
        var lines = try await StreamConformance.content(party.client, party.keys).map { "\($0.id)" }
        for group in try await StreamStatus.read(party.client, stream: party.keys.signIns).groups {
            lines.append("\(group.name) at \(group.lastDelivered), \(group.lag) to come")
            let pending = try await party.client.send(["XPENDING", party.keys.signIns, group.name, "-", "+", 1_000])
            lines += pending.elements.map { entry in
                "\(entry[0]?.string ?? "") with \(entry[1]?.string ?? ""), delivery \(entry[3]?.integer ?? 0)"
            }
        }
        return lines
    }

    @Test("A blocked read ends when the server dies, and works again after its return")
    func blockedRead() async throws {
        try await PrivateRedis.with { server in
            let party = try StreamConformance.Party(url: server.url)
            let consumer = party.consumer("one")
            try await consumer.ensure()
            for _ in 0..<2 {
                // One blocked read after the other, until one cannot be answered any more.
                let reading = Task {
                    while true { _ = try await consumer.read(count: 10, block: .seconds(2)) }
                }
                try await party.client.waitUntilBlocked(party.readName)
                let begin = ContinuousClock.now
                server.kill()
                let error = await #expect(throws: RedisError.self) { try await reading.value }
                #expect(error?.isRetryable == true)
                #expect(ContinuousClock.now - begin < .seconds(4), "it does not wait for an answer to be late")
                try await server.start()
                let events = Sample.events(1)
                try await eventually("it can be published again") {
                    try await party.producer.publish(events)
                    return true
                }
                var found: [SignInEvent] = []
                try await eventually("it can be read again") {
                    found = try StreamConformance.decode(try await consumer.read(count: 10, block: .milliseconds(1)))
                    return !found.isEmpty
                }
                #expect(found == events)
            }
            await party.close()
        }
    }

    @Test(
        "A publish whose answer is lost is there once or not at all, whole, and is never said to be absent when it may be there"
    )
    func lostAnswers() async throws {
        try await Sample.with { sample in
            try await FaultyProxy.with(.redis, to: sample.redis.url) { proxy in
                let party = try StreamConformance.Party(url: proxy.url, prefix: sample.keys.prefix)
                let random = Locked(SeededGenerator(seed: 51))
                proxy.script { request in
                    guard request.text.hasPrefix("XADD") || request.text == "EXEC" else { return .none }
                    switch random.withLock({ Int.random(in: 0..<8, using: &$0) }) {
                    case 0: return .cutBefore
                    case 1: return .loseAnswer
                    default: return .none
                    }
                }
                var outcomes: [(events: [SignInEvent], error: RedisError?)] = []
                for number in 0..<150 {
                    let events = Sample.events(number % 2 == 0 ? 1 : 7)
                    // Between the scripted faults, cuts at any byte of the greeting or a command.
                    if number % 15 == 0 {
                        proxy.cut(afterBytes: random.withLock { Int.random(in: 1...600, using: &$0) })
                    }
                    do throws(RedisError) {
                        try await party.producer.publish(events)
                        outcomes.append((events, nil))
                    } catch {
                        outcomes.append((events, error))
                    }
                }
                let content = try await StreamConformance.content(sample.redis.client, sample.keys)
                let counts = content.reduce(into: [:]) { $0[$1.id, default: 0] += 1 }
                for (events, error) in outcomes {
                    let found = Set(events.map { counts[$0.id] ?? 0 })
                    #expect(found == [0] || found == [1], "once or not at all, and whole")
                    if error == nil { #expect(found == [1], "published means published") }
                    if let error, !error.mayHaveHappened { #expect(found == [0], "\(error) says it is not there") }
                }
                let doubtful = outcomes.filter { $0.error?.mayHaveHappened == true }
                #expect(
                    doubtful.contains { counts[$0.events[0].id] == 1 }
                        && doubtful.contains { counts[$0.events[0].id] == nil })
                await party.close()
            }
        }
    }

    @Test("With a server killed again and again nothing published is lost, and nothing acknowledged comes again")
    func killedUnderLoad() async throws {
        try await PrivateRedis.with { server in
            let producing = try StreamConformance.Party(url: server.url, name: "producer")
            let published = Locked<Set<SignInEvent>>([])
            let handled = Locked<[SignInEvent]>([])
            let acknowledged = Locked<Set<StreamID>>([])
            let isOver = Locked(false)
            let hasPublished = Locked(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !isOver.withLock({ $0 }) {
                        let events = Sample.events(.random(in: 1...20))
                        try await eventually("they are published", every: .milliseconds(2)) {
                            try await producing.producer.publish(events)
                            return true
                        }
                        published.withLock { $0.formUnion(events) }
                    }
                    hasPublished.withLock { $0 = true }
                }
                for name in ["one", "two"] {
                    group.addTask {
                        let party = try StreamConformance.Party(url: server.url, name: name)
                        let consumer = party.consumer(name)
                        try await eventually("everything published is handled", every: .milliseconds(2)) {
                            var batch = Array(try await consumer.read(count: 30, block: .milliseconds(5)))
                            if batch.isEmpty {
                                // What a lost answer has left with somebody, himself perhaps.
                                batch = try await consumer.reclaim(minIdle: .seconds(2), count: 30).entries.map(\.entry)
                            }
                            let again = acknowledged.withLock { done in batch.filter { done.contains($0.id) } }
                            #expect(again.isEmpty, "acknowledged entries came again")
                            let events = try StreamConformance.decode(batch)
                            handled.withLock { $0 += events }
                            if try await consumer.acknowledge(batch.map(\.id)) == batch.count {
                                acknowledged.withLock { $0.formUnion(batch.map(\.id)) }
                            }
                            guard hasPublished.withLock({ $0 }) else { return false }
                            let missing = handled.withLock { published.now.subtracting($0) }
                            return missing.isEmpty
                        }
                        await party.close()
                    }
                }
                for round in 1...3 {
                    try await eventually("work goes on, round \(round)") { handled.withLock { $0.count } > round * 200 }
                    server.kill()
                    try await server.start()
                    let before = handled.withLock { $0.count }
                    try await eventually("everybody goes on by himself") { handled.withLock { $0.count } > before + 50 }
                }
                isOver.withLock { $0 = true }
                try await group.waitForAll()
            }
            let lost = handled.withLock { published.now.subtracting($0) }
            #expect(lost.isEmpty, "\(lost.count) are lost")
            await producing.close()
        }
    }
}
