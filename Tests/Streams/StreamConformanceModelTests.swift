import Domain
import Redis
import Streams
import TestSupport
import Testing

@Suite("Stream conformance: any order of events")
struct StreamConformanceModelTests {
    @Test(
        "Whatever is added, read, acknowledged, abandoned and trimmed in whatever order: the stream is as the model says, and trimming removes nothing that a group has not acknowledged",
        arguments: [61, 62, 63, 64, 65, 66] as [UInt64])
    func anyOrder(seed: UInt64) async throws {
        try await Sample.with { sample in
            var run = Run(sample, seed: seed)
            for _ in 0..<120 {
                try await run.step()
                try await run.compare()
            }
            // In the end everybody finishes, and next to nothing is left.
            try await run.finish()
            #expect(run.trimmed > 0, "something was to be trimmed")
        }
    }

    private struct Run {
        private let groups = ["progress", "somebody-else"]
        private let sample: Sample
        private var random: SeededGenerator
        private var model: StreamModel
        private var consumers: [String: Int] = [:]
        private(set) var trimmed = 0
        /// So large that a node of the stream holds only a few, for whole nodes are what is trimmed.
        private let body = [UInt8](repeating: 0x61, count: 900)
        private var log: [String] = []

        init(_ sample: Sample, seed: UInt64) {
            self.sample = sample
            random = SeededGenerator(seed: seed)
            model = StreamModel(groups: groups)
        }

        private var redis: RedisClient { sample.redis.client }

        private func consumer(_ group: String) -> ConsumerGroup {
            sample.consumer("consumer-\(consumers[group] ?? 0)", group: group)
        }

        /// Ends with the first difference: what follows from it says nothing.
        mutating func step() async throws {
            let group = groups[Int.random(in: 0..<2, using: &random)]
            let count = Int.random(in: 1...40, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0...2: try await add(count)
            case 3...5:
                let batch = try await consumer(group).read(count: count, block: .milliseconds(1))
                let expected = model.read(group, consumer(group).consumer, count: count)
                log.append("\(group) reads \(count)")
                try #require(batch.ids == expected, "\(story)")
                try #require(batch.allSatisfy { $0.rawFields.first?.value == body })
            case 6...8:
                let pending = model.pending(group).shuffled(using: &random).prefix(count)
                // Some that are not pending any more are among them.
                let ids = pending + model.added.prefix(3)
                let acknowledged = try await consumer(group).acknowledge(Array(ids))
                let expected = model.acknowledge(group, Array(ids))
                log.append("\(group) acknowledges \(expected)")
                try #require(acknowledged == expected, "\(story)")
            case 9:
                // It dies: another one goes on under another name, and finds what was left.
                consumers[group, default: 0] += 1
                let found = try await consumer(group).reclaim(minIdle: .zero, count: count)
                let expected = model.reclaim(group, consumer(group).consumer, count: count)
                log.append("\(group) dies, \(expected.count) are taken over")
                try #require(found.entries.map(\.entry.id) == expected.map(\.id), "\(story)")
                try #require(found.entries.map(\.deliveries) == expected.map(\.deliveries))
                try #require(found.deleted.isEmpty, "trimmed while it was pending")
            default: try await trim()
            }
        }

        private mutating func add(_ count: Int) async throws {
            let command = RedisCommand("XADD", [sample.keys.signIns, "*"], [Array("body".utf8), body])
            let replies = try await redis.pipeline(RedisPipeline(repeatElement(command, count: count)))
            model.add(replies.compactMap { $0.string.flatMap { StreamID($0) } })
            // Groups are made when somebody first reads; trimming is not for streams without them.
            for group in groups { try await consumer(group).ensure() }
            log.append("\(count) more")
        }

        private mutating func trim() async throws {
            let count = try await StreamTrimmer(redis).trim(
                stream: sample.keys.signIns, groups: groups, keeping: .zero, most: .max
            ).count
            trimmed += count
            log.append("\(count) trimmed")
        }

        /// The stream holds what is needed, and nothing has gone but what may go.
        func compare() async throws {
            let left = Set(try await StreamConformance.entries(redis, sample.keys.signIns).map(\.id))
            let gone = Set(model.added).subtracting(left)
            try #require(gone.isSubset(of: model.trimmable), "\(story)")
            try #require(gone.count == trimmed)
        }

        mutating func finish() async throws {
            for group in groups {
                while !model.read(group, "last", count: 500).isEmpty {}
                while try await !consumer(group).read(count: 500, block: .milliseconds(1)).isEmpty {}
                let ids = model.pending(group)
                let acknowledged = try await consumer(group).acknowledge(ids)
                let expected = model.acknowledge(group, ids)
                try #require(acknowledged == expected)
            }
            try #require(model.needed.isEmpty)
            try await trim()
            try await compare()
            let length = try await StreamStatus.read(redis, stream: sample.keys.signIns).length
            try #require(length < 10)
        }

        /// What happened last, for a failure.
        private var story: [String] { log.suffix(8) }
    }
}
