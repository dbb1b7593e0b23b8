import Domain
import Redis
import TestSupport
import Testing

@testable import Streams

@Suite struct RewindTests {
    // MARK: Times

    @Test(arguments: [
        ("90s", RewindTime.ago(90_000)), ("30m", .ago(1_800_000)), ("2h", .ago(7_200_000)), ("1d", .ago(86_400_000)),
        ("0s", .ago(0)), ("1970-01-01T00:00:01Z", .at(Timestamp(milliseconds: 1_000))),
        ("1970-01-01T02:00:00.5+02:00", .at(Timestamp(milliseconds: 500))),
    ])
    func readsTimesAndDurations(text: String, time: RewindTime) {
        #expect(RewindTime(text) == time)
    }

    @Test(arguments: [
        "", "h", "2", "2 h", "-2h", "+2h", "2.5h", "2H", "2w", "h2", "1h30m", "99999999999999999999h",
        "9223372036854775807d",
        "9999999999999d", "2026-11-23", "2026-11-23T08:30:00", "2026-02-30T08:30:00Z", "٣h", "now",
    ])
    func refusesAnythingElse(text: String) {
        #expect(RewindTime(text) == nil)
    }

    @Test func aDurationGoesBackFromTheServersClock() {
        let now = Timestamp(milliseconds: 1_700_000_000_000)
        #expect(RewindTime.ago(90_000).resolved(at: now) == Timestamp(milliseconds: 1_699_999_910_000))
        #expect(RewindTime.at(now).resolved(at: .now) == now)
    }

    /// Every entry of that time or later is behind the position, and no earlier one is.
    @Test func thePositionIsTheLastOneBeforeTheTime() {
        for _ in 0..<1_000 {
            let time = Timestamp(milliseconds: .random(in: 1...4_000_000_000_000))
            let position = StreamID(before: time)
            #expect(position < StreamID(from: time))
            #expect(position.next == StreamID(from: time))
            let id = StreamID(milliseconds: .random(in: 1...4_000_000_000_000), sequence: .random(in: 0...3))
            #expect((id > position) == (id.time >= time))
            #expect(StreamID(from: id.timeRoundedUp) >= id)
            #expect(id.sequence == 0 || StreamID(before: id.timeRoundedUp) >= id)
        }
        #expect(StreamID(before: Timestamp(milliseconds: 0)) == .zero)
        #expect(StreamID(before: Timestamp(milliseconds: -5)) == .zero)
        #expect(StreamID(milliseconds: 7, sequence: .max).next == StreamID(milliseconds: 8, sequence: 0))
        let greatest = StreamID(milliseconds: .max, sequence: .max)
        #expect(greatest.next == greatest && greatest.timeRoundedUp.milliseconds > 0)
    }

    // MARK: Moving

    /// Entries at 1000 ms, 2000 ms, … so that a test can name each of them.
    private func fill(_ sample: Sample, _ count: Int) async throws {
        for index in 1...count {
            _ = try await sample.redis.client.send(["XADD", sample.keys.signIns, "\(index * 1_000)-0", "n", index])
        }
    }

    private func rewind(_ sample: Sample) -> Rewind {
        Rewind(sample.redis.client, stream: sample.keys.signIns, group: StreamKeys.progressGroup)
    }

    private func at(_ milliseconds: Int64) -> RewindTime { .at(Timestamp(milliseconds: milliseconds)) }

    /// What the server says, not what is counted by hand when it does not know.
    private func serversLag(_ sample: Sample) async throws -> Int64? {
        try await sample.redis.client.send(["XINFO", "GROUPS", sample.keys.signIns])[0]?.value(named: "lag")?.integer
    }

    private func refusal(_ sample: Sample, _ time: RewindTime) async -> Rewind.Refusal? {
        do {
            _ = try await rewind(sample).run(since: time)
            return nil
        } catch {
            return error as? Rewind.Refusal
        }
    }

    @Test func deliversAgainWhatCameSinceAndKeepsTheLagKnown() async throws {
        try await Sample.with { sample in
            let worker = sample.consumer()
            try await fill(sample, 10)
            let given = try await worker.read(count: 8, block: .milliseconds(1))
            _ = try await worker.acknowledge(Array(given.ids.prefix(6)))
            let outcome = try await rewind(sample).run(since: at(4_000))
            #expect(outcome.again == 5 && outcome.waiting == 2 && !outcome.madeGroup)
            #expect(outcome.first == Timestamp(milliseconds: 1_000))
            #expect(try await serversLag(sample) == 7)
            let status = try await StreamStatus.read(sample.redis.client, stream: sample.keys.signIns)
            #expect(status.groups.first?.oldestUndone == StreamID(milliseconds: 4_000, sequence: 0))
            let again = try await sample.consumer("two").read(count: 100, block: .milliseconds(1))
            #expect(again.ids.map(\.milliseconds) == [4, 5, 6, 7, 8, 9, 10].map { $0 * 1_000 })
            #expect(try await serversLag(sample) == 0)
            // What the first consumer still held is pending once.
            #expect(try await sample.consumer("two").acknowledge(again.ids) == 7)
        }
    }

    @Test func neverMovesForward() async throws {
        try await Sample.with { sample in
            try await fill(sample, 10)
            let given = try await sample.consumer().read(count: 5, block: .milliseconds(1))
            let last = try #require(given.ids.last)
            #expect(await refusal(sample, at(6_000)) == .alreadyBefore(Timestamp(milliseconds: 6_000), position: last))
            let next = try await sample.consumer().read(count: 1, block: .milliseconds(1))
            #expect(next.ids.map(\.milliseconds) == [6_000])
            #expect(
                await refusal(sample, at(6_001))
                    == .alreadyBefore(Timestamp(milliseconds: 6_001), position: next.ids[0]))
            #expect(try await rewind(sample).run(since: at(6_000)).again == 1)
            // The same once more: the group stands there already.
            #expect(await refusal(sample, at(6_000)) != nil)
            guard case .inTheFuture = await refusal(sample, .at(.now.advanced(bySeconds: 3_600))) else {
                Issue.record("the future must be refused")
                return
            }
        }
    }

    @Test func makesAMissingGroupWithoutSkippingAnything() async throws {
        try await Sample.with { sample in
            try await fill(sample, 4)
            let outcome = try await rewind(sample).run(since: at(3_000))
            #expect(outcome.madeGroup && outcome.waiting == 4 && outcome.again == 0)
            #expect(try await serversLag(sample) == 4)
            #expect(try await sample.consumer().read(count: 10, block: .milliseconds(1)).count == 4)
        }
    }

    @Test func refusesWithoutAStreamUnlessAGapIsAllowed() async throws {
        try await Sample.with { sample in
            #expect(await refusal(sample, .ago(60_000)) == .noStream(sample.keys.signIns))
            #expect(try await sample.redis.client.send(["EXISTS", sample.keys.signIns]).integer == 0)
            let outcome = try await rewind(sample).run(since: .ago(60_000), allowingGap: true)
            #expect(outcome.madeGroup && outcome.waiting == 0 && outcome.first == nil)
        }
    }

    @Test func refusesAGapNamingTheEarliestTime() async throws {
        try await Sample.with { sample in
            let redis = sample.redis.client
            try await fill(sample, 10)
            _ = try await sample.consumer().read(count: 10, block: .milliseconds(1))
            // Nothing is gone: any time will do.
            #expect(try await rewind(sample).run(since: at(1)).again == 10)
            _ = try await sample.consumer().read(count: 10, block: .milliseconds(1))
            _ = try await redis.send(["XTRIM", sample.keys.signIns, "MINID", "=", "4000-0"])
            #expect(
                await refusal(sample, at(3_999))
                    == .gap(Timestamp(milliseconds: 3_999), earliest: Timestamp(milliseconds: 4_000)))
            let allowed = try await rewind(sample).run(since: at(1), allowingGap: true)
            #expect(allowed.again == 7)
            #expect(try await serversLag(sample) == 7)
            _ = try await sample.consumer().read(count: 10, block: .milliseconds(1))
            #expect(try await rewind(sample).run(since: at(4_000)).again == 7)
            #expect(try await serversLag(sample) == 7)
            _ = try await sample.consumer().read(count: 10, block: .milliseconds(1))
            // One removed from the middle.
            _ = try await redis.send(["XDEL", sample.keys.signIns, "6000-0"])
            #expect(
                await refusal(sample, at(6_000))
                    == .gap(Timestamp(milliseconds: 6_000), earliest: Timestamp(milliseconds: 6_001)))
            #expect(try await rewind(sample).run(since: at(6_001)).again == 4)
            #expect(try await serversLag(sample) == 4)
            _ = try await redis.send(["XTRIM", sample.keys.signIns, "MAXLEN", "=", 0])
            #expect(
                await refusal(sample, at(9_000))
                    == .gap(Timestamp(milliseconds: 9_000), earliest: Timestamp(milliseconds: 10_001)))
        }
    }

    /// Entries of one millisecond: some of them may be gone while others are there.
    @Test func aHalfTrimmedMillisecondIsAGap() async throws {
        try await Sample.with { sample in
            for sequence in 0..<4 {
                _ = try await sample.redis.client.send(["XADD", sample.keys.signIns, "5000-\(sequence)", "n", "1"])
            }
            _ = try await sample.redis.client.send(["XADD", sample.keys.signIns, "6000-0", "n", "1"])
            _ = try await sample.consumer().read(count: 10, block: .milliseconds(1))
            _ = try await sample.redis.client.send(["XTRIM", sample.keys.signIns, "MINID", "=", "5000-2"])
            #expect(
                await refusal(sample, at(5_000))
                    == .gap(Timestamp(milliseconds: 5_000), earliest: Timestamp(milliseconds: 5_001)))
            #expect(try await rewind(sample).run(since: at(5_001)).again == 1)
        }
    }

    /// The server's own lag, after any rewind in any state, is the number of entries behind the position.
    @Test(arguments: 0..<20) func theLagIsExactWhateverHappenedBefore(round: Int) async throws {
        try await Sample.with { sample in
            let count = Int.random(in: 1...60)
            try await fill(sample, count)
            _ = try await sample.consumer().read(count: Int.random(in: 1...count), block: .milliseconds(1))
            if Bool.random() {
                let bound = Int.random(in: 1...count) * 1_000
                _ = try await sample.redis.client.send(["XTRIM", sample.keys.signIns, "MINID", "=", "\(bound)-0"])
            }
            let time = Int64.random(in: 0...Int64(count) * 1_000)
            let outcome: Rewind.Outcome
            do {
                outcome = try await rewind(sample).run(since: at(time), allowingGap: true)
            } catch is Rewind.Refusal {
                return
            }
            let lag = try #require(try await serversLag(sample))
            #expect(lag == outcome.again + outcome.waiting)
            let rest = try await sample.consumer("two").read(count: 1_000, block: .milliseconds(1))
            #expect(Int64(rest.count) == lag)
            #expect(rest.ids.allSatisfy { $0.time.milliseconds >= time })
            #expect(try await serversLag(sample) == 0)
        }
    }

    /// Workers read and producers add all the while: nothing is skipped, and every entry since then comes once more.
    @Test func losesNothingBesideWorkersThatRead() async throws {
        try await Sample.with { sample in
            let early = Sample.events(500)
            try await sample.producer.publish(early)
            let start = try #require(
                try await sample.consumer().read(count: 500, block: .milliseconds(1)).ids.last)
            let later = Sample.events(3_000)
            async let publishing = sample.producer.publish(later)
            let reading = Task {
                var seen: [StreamID] = []
                while seen.count < later.count || Set(seen).count < later.count {
                    try Task.checkCancellation()
                    seen += try await sample.consumer("two").read(count: 100, block: .milliseconds(1)).ids
                }
                return seen
            }
            _ = try await publishing
            for _ in 0..<5 {
                do {
                    _ = try await rewind(sample).run(since: .at(Timestamp(milliseconds: start.time.milliseconds + 1)))
                } catch is Rewind.Refusal {}
            }
            let seen = Set(try await reading.value)
            let all = try await sample.redis.client.send(["XRANGE", sample.keys.signIns, "(\(start)", "+"])
            #expect(Set(all.elements.compactMap { StreamID($0[0]) }).subtracting(seen).isEmpty)
            _ = try await sample.consumer("two").read(count: 10_000, block: .milliseconds(1))
            #expect(try await serversLag(sample) == 0)
        }
    }

    // MARK: Marks

    @Test func aMarkIsDoneWithWhenItsEntriesAreWhateverComesLater() async throws {
        try await Sample.with { sample in
            let redis = sample.redis.client
            let none = try await StreamMark.end(of: sample.keys.signIns, redis)
            #expect(none == nil)
            try await fill(sample, 3)
            let mark = try #require(try await StreamMark.end(of: sample.keys.signIns, redis))
            // No group yet: everything is still to be delivered to it.
            #expect(try await mark.rest(of: "progress", redis) == .init(pending: 0, hasWaiting: true))
            let worker = sample.consumer()
            let first = try await worker.read(count: 2, block: .milliseconds(1))
            #expect(try await mark.rest(of: "progress", redis) == .init(pending: 2, hasWaiting: true))
            _ = try await redis.send(["XADD", sample.keys.signIns, "9000-0", "n", "9"])
            let rest = try await worker.read(count: 10, block: .milliseconds(1))
            #expect(try await mark.rest(of: "progress", redis) == .init(pending: 3, hasWaiting: false))
            _ = try await worker.acknowledge(first.ids + [rest.ids[0]])
            #expect(try await mark.rest(of: "progress", redis).isNothing)
            #expect(try await StreamMark.end(of: sample.keys.signIns, redis)?.rest(of: "progress", redis).pending == 1)
            _ = try await redis.send(["DEL", sample.keys.signIns])
            #expect(try await mark.rest(of: "progress", redis).isNothing)
        }
    }
}
