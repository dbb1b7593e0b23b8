import Domain
import Logging
import Metrics
import Operations
import Redis
import Runtime
import ServiceLifecycle
import Storage
import Streams

/// Writes down every second how far the streams are, and when Redis has lost some of them, names what may be missing and
/// has everything published again that the outboxes still hold.
///
/// Fronts notice by themselves: a flush takes the generation with it, and a lost tail is given a new one here.
struct StreamKeeper: Service {
    static let interval = Duration.seconds(1)
    static let repairInterval = Duration.seconds(10)

    let connections: Connections
    let groups: [ConsumerGroup]
    let positions: StreamPositions
    let signIns: SignInOutbox

    private var keys: StreamKeys { connections.settings.keys }

    func run() async throws {
        let gauges = StreamGauges(keys)
        let gapCount = Counter(label: "quest_gaps_total")
        var isAlarmed = false
        var repaired = ContinuousClock.now
        var rounds = Rounds(every: StreamKeeper.interval)
        while !Task.isShuttingDownGracefully {
            var isSeen = false
            let succeeded = await connections.attempt("keeper") {
                let survey = try await StreamSurvey.take(connections.streams, keys: keys)
                isSeen = true
                gauges.show(survey, at: .now)
                alarm(&isAlarmed, letters: survey.deadLetters)
                guard let gaps = try await positions.keep({ try await look($0) }) else { return }
                // It is this process's turn, so no other one does the same now.
                gapCount.increment(by: gaps.count)
                tell(gaps)
                while try await positions.recall(), !Task.isShuttingDownGracefully {}
                if .now - repaired > StreamKeeper.repairInterval {
                    repaired = .now
                    for group in groups { try await group.repairLag() }
                }
            }
            if !isSeen { gauges.hide() }
            do { try await rounds.wait(after: succeeded) } catch { return }
        }
    }

    private func look(_ seen: [SeenPosition]) async throws -> (now: [StreamPosition], gaps: [StreamGap]) {
        var survey = try await StreamSurvey.take(connections.streams, keys: keys)
        let seen = Dictionary(seen.map { ($0.position.stream, $0) }) { first, _ in first }
        var gaps: [StreamGap] = []
        for (stream, now) in [(keys.signIns, survey.signIns), (keys.completions, survey.completions)] {
            guard let before = seen[stream], let reason = try await gap(before.position, stream, now, survey) else {
                continue
            }
            // Completions stand in their outbox until they are claimed, so that nothing of them can be missing; of the
            // sign-ins, those that went by theirs.
            let isLoss = stream == keys.signIns
            gaps.append(
                StreamGap(before, reason: reason, isLoss: isLoss, kept: isLoss ? try await signIns.backlog().count : 0))
        }
        if let before = seen[keys.deadLetters], before.position.generation != survey.generation,
            let count = before.position.undone, count > survey.deadLetters
        {
            gaps.append(
                StreamGap(before, reason: "the server has a new generation", isLoss: true, isOfLetters: true))
        }
        if !gaps.isEmpty {
            for group in groups { try await group.ensure() }
            // Before the commit: if that fails, the next look finds a new generation. The fronts need it to notice.
            if gaps.contains(where: { seen[$0.stream]?.position.generation == survey.generation }) {
                _ = try await StreamSurvey.renew(connections.streams, keys: keys, from: survey.generation)
            }
            survey = try await StreamSurvey.take(connections.streams, keys: keys)
        }
        return (positions(survey), gaps)
    }

    /// Why this is not what was seen before, later; nil if it is.
    private func gap(
        _ before: StreamPosition, _ stream: String, _ now: StreamSurvey.Stream, _ survey: StreamSurvey
    ) async throws -> String? {
        guard before.generation == survey.generation else { return "the server has a new generation" }
        guard let last = StreamID(before.lastID), now.lastID >= last, now.entriesAdded >= before.entriesAdded else {
            return "the stream is shorter than it was"
        }
        // New entries may have taken the place of those that were lost, but not their ids.
        guard last > .zero, let first = now.firstID, first <= last else { return nil }
        let reply = try await connections.streams.send(["XRANGE", stream, last, last])
        return reply.count == 0 ? "the end of the stream was lost" : nil
    }

    private func positions(_ survey: StreamSurvey) -> [StreamPosition] {
        let generation = survey.generation
        func position(_ stream: String, _ group: String, _ state: StreamSurvey.Stream) -> StreamPosition {
            StreamPosition(
                stream: stream, generation: generation, entriesAdded: state.entriesAdded,
                lastID: state.lastID.description, undone: state.undone.map(Int64.init),
                group: state.group.map {
                    StreamPosition.Group(
                        name: group, lastDelivered: $0.lastDelivered.description, entriesRead: $0.entriesRead,
                        pending: Int64($0.pending))
                })
        }
        return [
            position(keys.signIns, StreamKeys.progressGroup, survey.signIns),
            position(keys.completions, StreamKeys.claimsGroup, survey.completions),
            // Letters come and go as operators please: only their number counts, and only in one life of the server.
            StreamPosition(
                stream: keys.deadLetters, generation: generation, entriesAdded: 0, lastID: StreamID.zero.description,
                undone: Int64(survey.deadLetters)),
        ]
    }

    private func tell(_ gaps: [StreamGap]) {
        for gap in gaps {
            let what = gap.isLoss ? "may be missing" : "are published again"
            connections.logger.error(
                "Redis has lost entries: up to \(gap.atMost.map(String.init) ?? "an unknown number") \(what)",
                metadata: [
                    "stream": "\(gap.stream)", "last_seen_at": "\(gap.lastSeenAt)", "reason": "\(gap.reason)",
                ])
        }
    }

    private func alarm(_ isAlarmed: inout Bool, letters: Int) {
        let limit = connections.settings.limits.deadLetters
        if letters > limit, !isAlarmed {
            connections.logger.error(
                "too many dead letters: they are kept, and need a person",
                metadata: ["letters": "\(letters)", "limit": "\(limit)"])
        }
        // Told again only after it has clearly been better.
        isAlarmed = letters > (isAlarmed ? limit - limit / 10 : limit)
    }
}
